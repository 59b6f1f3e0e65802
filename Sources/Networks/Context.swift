public import Tensors

/// How a network is run: to be trained or used, in which float type, and with which random numbers.
///
/// A value that is passed to layers that care (dropout, batch norm, embeddings); nothing is global. A layer draws from
/// a key of its own, so running the same context again gives the same numbers.
///
///     let y = model(x, Context(training: key.folded(step), precision: .bf16))
///     let y = model(x, .evaluation)
public struct Context: Sendable {
    /// Dropout drops, and batch norm uses the batch's own statistics.
    public let isTraining: Bool
    public let precision: Precision
    /// Whether batch norm moves its running statistics: not when a checkpoint is computed again.
    public internal(set) var updatesStatistics: Bool
    public let key: RandomKey

    /// - Parameter key: one for each step (`key.folded(step)`), else every step drops the same elements.
    public init(training key: RandomKey, precision: Precision = .f32) {
        (isTraining, updatesStatistics, self.precision, self.key) = (true, true, precision, key)
    }

    /// As in use: no dropout, running statistics.
    public init(precision: Precision = .f32) {
        (isTraining, updatesStatistics) = (false, false)
        (self.precision, key) = (precision, RandomKey(seed: 0))
    }

    /// Use in f32.
    public static let evaluation = Context()

    /// With other random numbers, for a second run of the same layers in one step.
    public func folded(_ number: Int) -> Context {
        Context(self, key: key.folded(number))
    }

    private init(_ other: Context, key: RandomKey) {
        (isTraining, precision, self.key) = (other.isTraining, other.precision, key)
        updatesStatistics = other.updatesStatistics
    }

    /// A network's input in the type in which it computes. Integers stay as they are.
    public func cast(_ x: Tensor) -> Tensor {
        x.dtype.isFloat ? x.cast(to: precision.dtype) : x
    }
}

/// In which type activations and products are computed. Parameters, norms' statistics, softmax and losses stay in f32.
public enum Precision: String, Sendable, CaseIterable, Codable {
    case f32, bf16
    /// Needs a loss scale: gradients below 6e-8 vanish in f16.
    case f16

    public var dtype: DType {
        switch self {
        case .f32: .f32
        case .bf16: .bf16
        case .f16: .f16
        }
    }
}
