public import Tensors

/// Gradients of several small batches as those of one large batch.
///
///     var sum = GradientSum()
///     for part in parts {
///         let (loss, gradients) = store.valueAndGradients { model.loss(part, reduction: .sum) }
///         sum.add(loss, gradients, weight: Float(part.count))
///     }
///     let (loss, gradients) = sum.mean()
///
/// Losses are sums over samples, and each batch's weight is its number of counted samples; with means of equal batches
/// each weight is 1.
public struct GradientSum: Sendable {
    private var loss: Tensor?
    private var gradients: Gradients?
    private var weight: Float = 0

    public init() {}

    public mutating func add(_ loss: Tensor, _ gradients: Gradients, weight: Float = 1) {
        self.weight += weight
        self.loss = self.loss.map { $0 + loss } ?? loss
        if self.gradients == nil {
            self.gradients = gradients
        } else {
            self.gradients?.add(gradients)
        }
    }

    /// The sums divided by the sum of the weights; empty again afterwards.
    public mutating func mean() -> (loss: Tensor, gradients: Gradients) {
        guard let loss, var gradients else {
            mistake("GradientSum: a mean of nothing")
        }
        self.gradients = nil
        let factor = 1 / max(weight, .leastNormalMagnitude)
        gradients.scale(factor)
        self = GradientSum()
        return (loss * factor, gradients)
    }
}
