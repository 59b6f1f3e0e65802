public import Tensors

/// Sets elements to 0 with probability p in training, and scales the others by 1 / (1 - p).
///
/// Each dropout has random numbers of its own (by its name), the same ones whenever the same context runs again.
public struct Dropout: Sendable {
    public let probability: Float
    private let path: String

    public init(_ scope: ParameterScope, _ probability: Float) {
        (self.probability, path) = (probability, scope.path)
    }

    public func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
        guard context.isTraining && probability > 0 else { return x }
        var key = context.key.folded(path)
        return x.dropout(probability, key: &key)
    }
}
