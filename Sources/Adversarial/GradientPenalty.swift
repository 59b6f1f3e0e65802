public import Tensors

/// How far a critic's slope is from 1 between real and made samples (Gulrajani et al. 2017): the mean of (|∇D(ξ)| - 1)²
/// with ξ = α real + (1 - α) fake. Its gradient is one of a gradient.
///
/// - Parameters:
///   - alpha: (N) in 0 ... 1.
///   - critic: samples to scores (N).
public func gradientPenalty(
    real: Tensor, fake: Tensor, alpha: Tensor, _ critic: (Tensor) -> Tensor
) -> Tensor {
    let share = alpha.reshaped([alpha.count] + [Int](repeating: 1, count: real.rank - 1))
    let point = noGrad { real * share + fake * (1 - share) }.tracked
    let slope = critic(point).sum().gradients(at: [point], createGraph: true)[0]
    return (slope.flattened(1).norm(axes: [1]) - 1).squared().mean()
}
