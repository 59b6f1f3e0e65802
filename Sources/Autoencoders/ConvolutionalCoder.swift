public import Networks
public import Tensors

/// How pictures become vectors and vectors pictures by convolutions: each stage halves the sides.
public struct PictureCoding: Sendable, Hashable, Codable {
    public var height, width, channels: Int
    /// Channels of the stages, from the picture inwards.
    public var stages: [Int]

    public init(height: Int, width: Int, channels: Int, stages: [Int]) {
        let shrink = 1 << stages.count
        require(
            !stages.isEmpty && height % shrink == 0 && width % shrink == 0,
            "PictureCoding: pictures of \(height) × \(width) in \(stages.count) halvings")
        (self.height, self.width, self.channels, self.stages) = (height, width, channels, stages)
    }

    /// Behind the last stage.
    var inner: (h: Int, w: Int, c: Int) {
        (height >> stages.count, width >> stages.count, stages[stages.count - 1])
    }
}

/// Pictures (N, H, W, C) to features (N, F), by convolutions of 4×4 with stride 2 and relu.
public struct PictureEncoder: Sendable {
    private let stages: [Conv2D]
    public let features: Int

    public init(_ scope: ParameterScope, _ coding: PictureCoding) {
        let widths = [coding.channels] + coding.stages
        stages = coding.stages.indices.map {
            Conv2D(scope[$0], widths[$0], widths[$0 + 1], kernel: 4, stride: 2, padding: 1)
        }
        features = coding.inner.h * coding.inner.w * coding.inner.c
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        stages.reduce(x) { $1($0, activation: .relu) }.flattened(1)
    }
}

/// Vectors (N, D) to logits of pictures (N, H, W, C), the encoder's way back.
public struct PictureDecoder: Sendable {
    private let input: Linear
    private let stages: [ConvTranspose2D]
    private let coding: PictureCoding

    public init(_ scope: ParameterScope, _ width: Int, _ coding: PictureCoding) {
        self.coding = coding
        let (h, w, c) = coding.inner
        input = Linear(scope["input"], width, h * w * c)
        let widths = coding.stages.reversed() + [coding.channels]
        stages = coding.stages.indices.map {
            ConvTranspose2D(
                scope["stages"][$0], widths[$0], widths[$0 + 1], kernel: 4, stride: 2, padding: 1)
        }
    }

    public func callAsFunction(_ z: Tensor) -> Tensor {
        let (h, w, c) = coding.inner
        let x = input(z, activation: .relu).reshaped([z.shape[0], h, w, c])
        return stages.indices.reduce(x) { x, i in
            let y = stages[i](x)
            return i == stages.count - 1 ? y : y.relu()
        }
    }
}

/// An autoencoder of pictures by convolutions.
public struct ConvolutionalAutoencoder: PictureAutoencoder {
    let encoder: PictureEncoder
    let code: Linear
    let decoder: PictureDecoder

    public init(_ scope: ParameterScope, _ coding: PictureCoding, code width: Int) {
        encoder = PictureEncoder(scope["encoder"], coding)
        code = Linear(scope["code"], encoder.features, width)
        decoder = PictureDecoder(scope["decoder"], width, coding)
    }

    public func encode(_ x: Tensor) -> Tensor { code(encoder(x)) }
    public func decode(_ code: Tensor) -> Tensor { decoder(code).sigmoid() }
}

/// A variational autoencoder of pictures by convolutions.
public struct ConvolutionalVAE: GaussianAutoencoder {
    public let latent: Int
    public let beta: Float
    let encoder: PictureEncoder
    let mu, logVariance: Linear
    let decoder: PictureDecoder

    public init(_ scope: ParameterScope, _ coding: PictureCoding, latent: Int, beta: Float = 1) {
        encoder = PictureEncoder(scope["encoder"], coding)
        mu = Linear(scope["mu"], encoder.features, latent)
        logVariance = Linear(scope["logvar"], encoder.features, latent)
        decoder = PictureDecoder(scope["decoder"], latent, coding)
        (self.latent, self.beta) = (latent, beta)
    }

    public func encode(_ x: Tensor, _ context: Context = .evaluation) -> GaussianCode {
        let h = encoder(context.cast(x))
        return GaussianCode(
            mean: mu(h).cast(to: .f32), logVariance: logVariance(h).cast(to: .f32))
    }

    public func decode(_ z: Tensor, _ context: Context = .evaluation) -> Tensor {
        decoder(context.cast(z))
    }
}
