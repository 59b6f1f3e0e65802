public import Tensors

/// How a guess at the data is kept in range.
public enum Clipping: Sendable, Equatable {
    case none
    /// Limited to -range … range.
    case range(Double)
    /// Per sample: s = the quantile of |x₀|, at least 1 and at most `maximum`; x₀ limited to -s … s and divided by s.
    case dynamic(quantile: Double = 0.995, maximum: Double = 1)

    /// - Parameter x: (N, …)
    public func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .none: return x
        case .range(let range): return x.clamped(min: Float(-range), max: Float(range))
        case .dynamic(let quantile, let maximum):
            let each = [x.shape[0]] + [Int](repeating: 1, count: x.rank - 1)
            let limit = abs(x).reshaped([x.shape[0], -1]).quantile(quantile)
            let s = limit.clamped(min: 1).clamped(max: Float(maximum)).reshaped(each)
            return Tensors.maximum(minimum(x, s), -s) / s
        }
    }
}

extension Tensor {
    /// Of each row, linearly between the sorted values: (N, n) to (N, 1).
    fileprivate func quantile(_ q: Double) -> Tensor {
        let place = q * Double(shape[1] - 1)
        let low = Int(place)
        let high = Swift.min(low + 1, shape[1] - 1)
        let ordered = sorted(axis: 1).values
        let weight = Float(place - Double(low))
        let (a, b) = (
            ordered.narrowed(1, start: low, count: 1), ordered.narrowed(1, start: high, count: 1)
        )
        return a + (b - a) * weight
    }
}
