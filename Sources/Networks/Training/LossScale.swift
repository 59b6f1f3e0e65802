/// The number by which a loss is multiplied in f16, so that small gradients survive: halved when one overflows, doubled
/// after many steps without (Micikevicius et al. 2018).
///
///     let (loss, gradients) = store.valueAndGradients(scale: scale.value) { … }
///     if scale.accepts(gradients.norm()) { optimiser.step(gradients, lr: lr) }
public struct LossScale: Sendable, Codable, Equatable {
    public private(set) var value: Float
    public let growthInterval: Int
    private var goodSteps = 0

    public init(_ value: Float = 65536, growthInterval: Int = 2000) {
        (self.value, self.growthInterval) = (value, growthInterval)
    }

    /// None at all, for f32 and bf16.
    public static let none = LossScale(1, growthInterval: 0)

    /// The start for a precision.
    public init(for precision: Precision) { self = precision == .f16 ? LossScale() : .none }

    /// Whether a step with gradients of this norm is to be taken; adapts the scale.
    public mutating func accepts(_ norm: Float) -> Bool {
        guard growthInterval > 0 else { return true }
        guard norm.isFinite else {
            (value, goodSteps) = (max(value / 2, 1), 0)
            return false
        }
        goodSteps += 1
        if goodSteps == growthInterval { (value, goodSteps) = (min(value * 2, 1e30), 0) }
        return true
    }
}
