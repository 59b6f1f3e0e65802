public import Networks
public import Tensors

/// Noise to vectors by linear maps with relu between, and a tanh at the end if the samples lie in -1 ... 1.
public struct VectorGenerator: NoiseDecoder {
    let layers: MLP
    let isBounded: Bool

    /// - Parameter widths: latent, hidden ones, and the length of a sample.
    public init(_ scope: ParameterScope, widths: [Int], isBounded: Bool = false) {
        layers = MLP(scope, widths)
        self.isBounded = isBounded
    }

    public func callAsFunction(_ z: Tensor, _ context: Context = .evaluation) -> Tensor {
        let y = layers(context.cast(z))
        return isBounded ? tanh(y) : y
    }
}

/// Vectors to one score by linear maps with leaky relu between.
public struct VectorCritic: SampleCritic {
    let layers: [Linear]

    /// - Parameter widths: the length of a sample, and hidden ones.
    public init(_ scope: ParameterScope, widths: [Int]) {
        layers = zip(widths, widths.dropFirst() + [1]).enumerated().map {
            Linear(scope[$0.offset], $0.element.0, $0.element.1)
        }
    }

    public func callAsFunction(_ x: Tensor, _ context: Context = .evaluation) -> Tensor {
        let h = layers.dropLast().reduce(context.cast(x)) { $1($0).leakyRelu(slope: 0.2) }
        return layers[layers.count - 1](h).squeezed(1).cast(to: .f32)
    }
}
