public import Networks
public import Tensors

/// Convolutional adversarial networks (Radford et al. 2016) for square pictures of 8, 16, 32, 64 … pixels in -1 ... 1.
public struct DCGAN: Sendable {
    public struct Configuration: Sendable, Hashable, Codable {
        public var size = 32
        public var pictureChannels = 1
        public var latent = 100
        /// Of the layer next to the picture; each layer away from it has twice as many.
        public var channels = 64
        /// Whether the layers next to the picture and the logit have biases.
        public var outerBias = true

        public init(
            size: Int = 32, pictureChannels: Int = 1, latent: Int = 100, channels: Int = 64,
            outerBias: Bool = true
        ) {
            (self.size, self.pictureChannels, self.latent) = (size, pictureChannels, latent)
            (self.channels, self.outerBias) = (channels, outerBias)
        }

        /// Channels from the picture inwards: one entry for each halving down to 4 pixels.
        var widths: [Int] {
            var (widths, rest) = ([Int](), size)
            while rest > 4 {
                require(rest % 2 == 0, "DCGAN: a size of \(size) is not 4 · 2^n")
                widths.append(channels << widths.count)
                rest /= 2
            }
            require(rest == 4 && !widths.isEmpty, "DCGAN: a size of \(size) is not 4 · 2^n")
            return widths
        }
    }

    public let configuration: Configuration
    public let generator: Generator
    public let discriminator: Discriminator

    public init(_ scope: ParameterScope, _ configuration: Configuration) {
        self.configuration = configuration
        generator = Generator(scope["g"], configuration)
        discriminator = Discriminator(scope["d"], configuration)
    }

    /// What the discriminator minimises, from pictures x (N, H, W, C) and noise z (N, latent). The real and the made
    /// pictures are batches of their own for batch norm.
    public func discriminatorLoss(_ x: Tensor, z: Tensor, _ context: Context) -> Tensor {
        let fake = noGrad { generator(z, context) }
        let real = discriminator(x, context)
        return real.nonsaturatingDiscriminatorLoss(fake: discriminator(fake, context.folded(1)))
    }

    /// What the generator minimises: run it with the discriminator's parameters frozen.
    public func generatorLoss(z: Tensor, _ context: Context) -> Tensor {
        discriminator(generator(z, context), context).nonsaturatingGeneratorLoss()
    }
}

extension DCGAN {
    private static let start = Initializer.normal(deviation: 0.02)
    private static let scaleStart = Initializer.normal(mean: 1, deviation: 0.02)

    /// Noise (N, latent) to pictures (N, size, size, C).
    public struct Generator: Sendable {
        let layers: [ConvTranspose2D]
        let norms: [BatchNorm]

        public init(_ scope: ParameterScope, _ c: Configuration) {
            let widths = [c.latent] + c.widths.reversed() + [c.pictureChannels]
            let last = widths.count - 2
            layers = (0...last).map { i in
                ConvTranspose2D(
                    scope[i], widths[i], widths[i + 1], kernel: 4, stride: i == 0 ? 1 : 2,
                    padding: i == 0 ? 0 : 1, bias: i == last && c.outerBias, start)
            }
            norms = (0..<last).map { BatchNorm(scope["bn\($0)"], widths[$0 + 1], scaleStart) }
        }

        public func callAsFunction(_ z: Tensor, _ context: Context) -> Tensor {
            var h = context.cast(z).reshaped([z.shape[0], 1, 1, z.shape[1]])
            for (layer, norm) in zip(layers, norms) { h = norm(layer(h), context).relu() }
            return tanh(layers[layers.count - 1](h))
        }
    }

    /// Pictures (N, size, size, C) to logits (N), f32: positive where they look real.
    public struct Discriminator: Sendable {
        let layers: [Conv2D]
        /// Of the layers between the first and the last.
        let norms: [BatchNorm]

        public init(_ scope: ParameterScope, _ c: Configuration) {
            let widths = [c.pictureChannels] + c.widths + [1]
            let last = widths.count - 2
            layers = (0...last).map { i in
                Conv2D(
                    scope[i], widths[i], widths[i + 1], kernel: 4, stride: i == last ? 1 : 2,
                    padding: i == last ? 0 : 1, bias: (i == 0 || i == last) && c.outerBias, start)
            }
            norms = (1..<last).map { BatchNorm(scope["bn\($0)"], widths[$0 + 1], scaleStart) }
        }

        public func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
            var h = layers[0](context.cast(x)).leakyRelu(slope: 0.2)
            for (layer, norm) in zip(layers[1...], norms) {
                h = norm(layer(h), context).leakyRelu(slope: 0.2)
            }
            return layers[layers.count - 1](h).reshaped([x.shape[0]]).cast(to: .f32)
        }
    }
}
