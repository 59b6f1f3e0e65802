public import Networks
public import Tensors

// Networks without norms over the batch, whose samples a gradient penalty must see one by one.

/// The sizes of a generator and critic of square pictures.
public struct PictureGANConfiguration: Sendable, Hashable, Codable {
    /// Must be divisible by 2^stages.
    public var size = 32
    public var pictureChannels = 1
    public var latent = 64
    /// Of the layer next to the picture; each layer away from it has twice as many.
    public var channels = 32
    /// Halvings of the size.
    public var stages = 3

    public init(
        size: Int = 32, pictureChannels: Int = 1, latent: Int = 64, channels: Int = 32,
        stages: Int = 3
    ) {
        (self.size, self.pictureChannels, self.latent) = (size, pictureChannels, latent)
        (self.channels, self.stages) = (channels, stages)
    }

    /// The side of the smallest grid.
    var start: Int { size >> stages }

    /// Channels from the picture inwards.
    var widths: [Int] {
        require(
            stages > 0 && start << stages == size && start > 0,
            "PictureGAN: a size of \(size) cannot be halved \(stages) times")
        return (0..<stages).map { channels << $0 }
    }
}

/// Noise (N, latent) to pictures (N, size, size, C) in -1 ... 1: a linear map, then transposed convolutions.
public struct PictureGenerator: NoiseDecoder {
    let first: Linear
    let layers: [ConvTranspose2D]
    let start: [Int]

    public init(_ scope: ParameterScope, _ c: PictureGANConfiguration) {
        let widths = c.widths.reversed() + [c.pictureChannels]
        start = [widths[0], c.start, c.start]
        first = Linear(scope[0], c.latent, start.reduce(1, *))
        layers = (0..<c.stages).map {
            ConvTranspose2D(
                scope[$0 + 1], widths[$0], widths[$0 + 1], kernel: 4, stride: 2, padding: 1)
        }
    }

    public func callAsFunction(_ z: Tensor, _ context: Context = .evaluation) -> Tensor {
        // The linear map's outputs are in a file's order (C, H, W).
        let grid = first(context.cast(z), activation: .relu).reshaped([z.shape[0]] + start)
        var h = grid.permuted([0, 2, 3, 1])
        for layer in layers.dropLast() { h = layer(h).relu() }
        return tanh(layers[layers.count - 1](h))
    }
}

/// Pictures (N, size, size, C) to scores (N), f32: convolutions, then a linear map.
public struct PictureCritic: SampleCritic {
    let layers: [Conv2D]
    let last: Linear

    public init(_ scope: ParameterScope, _ c: PictureGANConfiguration) {
        let widths = [c.pictureChannels] + c.widths
        layers = (0..<c.stages).map {
            Conv2D(scope[$0], widths[$0], widths[$0 + 1], kernel: 4, stride: 2, padding: 1)
        }
        let channels = widths[c.stages]
        last = Linear(
            scope[c.stages], channels * c.start * c.start, 1, flattening: channels)
    }

    public func callAsFunction(_ x: Tensor, _ context: Context = .evaluation) -> Tensor {
        let h = layers.reduce(context.cast(x)) { $1($0).leakyRelu(slope: 0.2) }
        return last(h.flattened(1)).squeezed(1).cast(to: .f32)
    }
}
