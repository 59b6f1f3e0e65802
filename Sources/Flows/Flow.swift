public import Networks
public import Tensors

/// An invertible map from samples to noise of the normal distribution, whose determinant is known.
public protocol Flow: Sendable {
    /// Samples (N, …) to noise of the same number of elements, and log |det dz/dx| of each sample (N).
    func forward(_ x: Tensor, _ context: Context) -> (z: Tensor, logDeterminant: Tensor)
    /// The reverse of `forward`.
    func inverse(_ z: Tensor, _ context: Context) -> Tensor
}

extension Flow {
    /// The mean negative log likelihood of samples, in nats: ().
    public func negativeLogLikelihood(_ x: Tensor, _ context: Context = .evaluation) -> Tensor {
        let (z, logDeterminant) = forward(x, context)
        let count = x.count / max(1, x.shape[0])
        let energy = z.flattened(1).squared().sum(axes: [1]) * 0.5
        let constant = 0.5 * logTwoPi * Float(count)
        return (energy - logDeterminant).mean() + constant
    }

    /// As above, divided by the number of elements of a sample: what pictures of different sizes are compared by.
    public func nats(perElementOf x: Tensor, _ context: Context = .evaluation) -> Tensor {
        negativeLogLikelihood(x, context) / Float(x.count / max(1, x.shape[0]))
    }
}

private let logTwoPi: Float = 1.837_877_066_409_345_5
