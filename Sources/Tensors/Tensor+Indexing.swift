/// One entry of a subscript: which elements of an axis.
///
///     x[0]                      // the first slice; the axis goes
///     x[1..<3, .all]            // a range
///     x[.all, .by(2, from: 1)]  // every second element
///     x[.rest, -1]              // the last element of the last axis
///     x[.new, .rest]            // a new axis in front
public struct TensorIndex: Sendable {
    enum Kind: Sendable {
        case element(Int)
        case range(start: Int?, stop: Int?, step: Int)
        case new
        case rest
    }
    let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    fileprivate static func slice(_ start: Int?, _ stop: Int?, _ step: Int = 1) -> TensorIndex {
        require(step != 0, "subscript: a step of 0")
        return TensorIndex(.range(start: start, stop: stop, step: step))
    }
}

/// What may stand in a tensor's subscript: integers, ranges and `TensorIndex` values.
public protocol TensorIndexConvertible {
    var tensorIndex: TensorIndex { get }
}

extension TensorIndexConvertible where Self == TensorIndex {
    /// The whole axis.
    public static var all: TensorIndex { .slice(nil, nil) }
    /// As many whole axes as are left.
    public static var rest: TensorIndex { TensorIndex(.rest) }
    /// A new axis of length 1.
    public static var new: TensorIndex { TensorIndex(.new) }
    /// As `start:stop:step` in Python: negatives count from the end, nil is open, a negative step walks backwards.
    public static func by(_ step: Int, from start: Int? = nil, to stop: Int? = nil) -> TensorIndex {
        .slice(start, stop, step)
    }
}

extension TensorIndex: TensorIndexConvertible {
    public var tensorIndex: TensorIndex { self }
}
/// One element; the axis goes. Negative: from the end.
extension Int: TensorIndexConvertible {
    public var tensorIndex: TensorIndex { TensorIndex(.element(self)) }
}
extension Range<Int>: TensorIndexConvertible {
    public var tensorIndex: TensorIndex { .slice(lowerBound, upperBound) }
}
extension ClosedRange<Int>: TensorIndexConvertible {
    public var tensorIndex: TensorIndex { .slice(lowerBound, upperBound + 1) }
}
extension PartialRangeFrom<Int>: TensorIndexConvertible {
    public var tensorIndex: TensorIndex { .slice(lowerBound, nil) }
}
extension PartialRangeUpTo<Int>: TensorIndexConvertible {
    public var tensorIndex: TensorIndex { .slice(nil, upperBound) }
}
extension PartialRangeThrough<Int>: TensorIndexConvertible {
    public var tensorIndex: TensorIndex { .slice(nil, upperBound + 1) }
}

extension Tensor {
    /// A view of some elements of each axis. See `TensorIndex`.
    public subscript<each Index: TensorIndexConvertible>(_ indices: repeat each Index) -> Tensor {
        var list: [TensorIndex] = []
        for index in repeat each indices { list.append(index.tensorIndex) }
        return self[list]
    }

    public subscript(_ indices: [TensorIndex]) -> Tensor {
        var x = self
        var axis = 0
        for index in spelledOut(indices) {
            switch index.kind {
            case .new:
                x = x.expandingAxis(axis)
                axis += 1
            case .element(let i):
                let length = x.shape[axis]
                require(
                    i >= -length && i < length,
                    "subscript: \(i) is not in axis \(axis) of \(x.shape)")
                x = x.sliced(axis: axis, start: i < 0 ? i + length : i, count: 1).squeezed(axis)
            case .range(let start, let stop, let step):
                let (first, count) = elements(start, stop, step, of: x.shape[axis])
                if count != x.shape[axis] || step != 1 {
                    x = x.sliced(axis: axis, start: first, count: count, step: step)
                }
                axis += 1
            case .rest:
                axis += 1
            }
        }
        return x
    }

    /// With `.rest` replaced by whole axes (also where none stands, at the end).
    private func spelledOut(_ indices: [TensorIndex]) -> [TensorIndex] {
        func takes(_ index: TensorIndex) -> Int {
            switch index.kind {
            case .new, .rest: 0
            default: 1
            }
        }
        let named = indices.map(takes).reduce(0, +)
        require(named <= rank, "subscript: \(named) indices for a tensor of shape \(shape)")
        let open = [TensorIndex](repeating: .all, count: rank - named)
        let place =
            indices.firstIndex { if case .rest = $0.kind { true } else { false } } ?? indices.count
        return Array(indices[..<place]) + open
            + Array(indices[Swift.min(place + 1, indices.count)...])
    }

    /// First element and number of elements of a Python slice.
    private func elements(_ start: Int?, _ stop: Int?, _ step: Int, of length: Int) -> (Int, Int) {
        func clamped(_ i: Int, _ low: Int, _ high: Int) -> Int {
            Swift.min(Swift.max(i < 0 ? i + length : i, low), high)
        }
        if step > 0 {
            let first = start.map { clamped($0, 0, length) } ?? 0
            let end = stop.map { clamped($0, 0, length) } ?? length
            return (first, Swift.max(0, (end - first + step - 1) / step))
        }
        let first = start.map { clamped($0, -1, length - 1) } ?? length - 1
        let end = stop.map { clamped($0, -1, length - 1) } ?? -1
        return (Swift.max(first, 0), Swift.max(0, (first - end - step - 1) / -step))
    }
}
