public import Networks
public import Tensors

/// Pictures or vectors in 0 ... 1 to a short code and back.
public protocol PictureAutoencoder: Sendable {
    /// To codes (N, D).
    func encode(_ x: Tensor) -> Tensor
    /// Codes (N, D) back, in 0 ... 1.
    func decode(_ code: Tensor) -> Tensor
}

extension PictureAutoencoder {
    public func callAsFunction(_ x: Tensor, _ context: Context = .evaluation) -> Tensor {
        decode(encode(context.cast(x)))
    }

    /// The mean squared error of the reconstruction.
    public func loss(_ x: Tensor, _ context: Context = .evaluation) -> Tensor {
        self(x, context).cast(to: .f32).mseLoss(x)
    }
}

/// Vectors to a short code and back: widths 784, 512, 256, 128 mean three maps each way, relu between them.
public struct Autoencoder: PictureAutoencoder {
    public struct Configuration: Sendable, Hashable, Codable {
        public var widths = [784, 512, 256, 128]
        public init(widths: [Int] = [784, 512, 256, 128]) { self.widths = widths }
    }

    public let configuration: Configuration
    let encoder: MLP
    let decoder: MLP

    public init(_ scope: ParameterScope, _ configuration: Configuration) {
        self.configuration = configuration
        encoder = MLP(scope["encoder"], configuration.widths)
        decoder = MLP(scope["decoder"], configuration.widths.reversed())
    }

    /// (N, input) to (N, code).
    public func encode(_ x: Tensor) -> Tensor { encoder(x) }

    /// (N, code) to (N, input), in 0 ... 1.
    public func decode(_ code: Tensor) -> Tensor { decoder(code).sigmoid() }
}
