public import Tensors

/// Rows of a table by id: (…) i32 to (…, channels).
public struct Embedding: Sendable {
    /// (count, channels)
    public let weight: Parameter
    /// The id whose row is not trained.
    public let padding: Int?

    public init(
        _ scope: ParameterScope, _ count: Int, _ channels: Int,
        _ initializer: Initializer = .normal(deviation: 1), padding: Int? = nil
    ) {
        weight = scope.parameter("weight", [count, channels], initializer, role: .table)
        self.padding = padding
    }

    /// In the context's float type; the rows are picked first, so that the whole table is not cast for them.
    public func callAsFunction(_ ids: Tensor, _ context: Context = .evaluation) -> Tensor {
        let rows: Tensor
        switch weight.weight(as: .f32) {
        case .dense(let w): rows = w.embedding(ids, padding: padding)
        case .quantized(let w):
            rows = w.dequantizedRows(ids.reshaped([ids.count])).reshaped(
                ids.shape + [w.columns])
        }
        return rows.cast(to: context.precision.dtype)
    }

    /// x (…, channels) against every row: logits (…, count), for models that tie the two.
    public func logits(_ x: Tensor) -> Tensor {
        switch weight.weight(as: x.dtype) {
        case .dense(let w): x.linear(w)
        case .quantized(let w): x.matmul(transposed: w)
        }
    }
}
