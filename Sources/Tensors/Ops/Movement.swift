// Views: they never copy. A gradient passes back through the inverse view.

extension Tensor {
    /// The axes in another order: axis i of the result is axis `axes[i]` of this tensor.
    public func permuted(_ axes: [Int]) -> Tensor {
        let order = self.axes(axes, "permuted")
        require(order.count == rank, "permuted: \(axes) does not name every axis of \(shape)")
        var inverse = order
        for (to, from) in order.enumerated() { inverse[from] = to }
        return view(layout.permuted(order)).recorded(from: [self]) { [inverse] in
            [$0.permuted(inverse)]
        }
    }

    /// Two axes swapped; the last two unless said otherwise.
    public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        var order = Array(0..<rank)
        order.swapAt(axis(a, "transposed"), axis(b, "transposed"))
        return permuted(order)
    }

    /// The same elements in row-major order with another shape; one entry may be -1. Copies only what strides cannot say.
    public func reshaped(_ shape: [Int]) -> Tensor {
        let target = resolved(shape)
        if target == self.shape { return self }
        guard let layout = layout.reshaped(to: target) else { return contiguous().reshaped(target) }
        let old = self.shape
        return view(layout).recorded(from: [self]) { [$0.reshaped(old)] }
    }

    private func resolved(_ shape: [Int]) -> [Int] {
        var (known, open) = (1, 0)
        for length in shape {
            if length == -1 { open += 1 } else { known *= length }
        }
        let count = count
        require(
            open == 0 ? known == count : open == 1 && known != 0 && count % known == 0,
            "reshaped: \(self.shape) has \(count) elements and does not fit \(shape)")
        return open == 0 ? shape : shape.map { $0 == -1 ? count / known : $0 }
    }

    /// Axes first ... last as one.
    public func flattened(_ first: Int = 0, _ last: Int = -1) -> Tensor {
        guard rank > 0 else { return reshaped([1]) }
        let (first, last) = (axis(first, "flattened"), axis(last, "flattened"))
        require(first <= last, "flattened: axis \(first) is behind axis \(last)")
        let middle = shape[first...last].reduce(1, *)
        return reshaped(Array(shape[..<first]) + [middle] + Array(shape[(last + 1)...]))
    }

    /// Broadcast to a shape: axes of length 1 and new axes in front repeat without a copy.
    public func expanded(to target: [Int]) -> Tensor {
        if target == shape { return self }
        guard let layout = layout.expanded(to: target) else {
            mistake("expanded: \(shape) does not broadcast to \(target)")
        }
        let old = shape
        return view(layout).recorded(from: [self]) { [$0.summed(to: old)] }
    }

    /// The reverse of a broadcast: the sum over all axes that `shape` does not have or has with length 1.
    package func summed(to target: [Int]) -> Tensor {
        if target == shape { return self }
        let new = rank - target.count
        let axes = shape.indices.filter { $0 < new || (target[$0 - new] == 1 && shape[$0] != 1) }
        return sum(axes: axes, keepDims: true).reshaped(target)
    }

    /// A new axis of length 1 in front of `axis` (-1: at the end).
    public func expandingAxis(_ axis: Int) -> Tensor {
        require(
            axis >= -rank - 1 && axis <= rank,
            "expandingAxis: \(axis) is not in a tensor of shape \(shape)")
        var shape = self.shape
        shape.insert(1, at: axis < 0 ? axis + rank + 1 : axis)
        return reshaped(shape)
    }

    /// Without an axis of length 1, or without all of them.
    public func squeezed(_ axis: Int? = nil) -> Tensor {
        guard let axis else { return reshaped(shape.filter { $0 != 1 }) }
        let position = self.axis(axis, "squeezed")
        require(shape[position] == 1, "squeezed: axis \(axis) of \(shape) has not length 1")
        var shape = self.shape
        shape.remove(at: position)
        return reshaped(shape)
    }

    /// Backwards along axes.
    public func flipped(_ axes: [Int]) -> Tensor {
        let list = self.axes(axes, "flipped")
        let layout = list.reduce(layout) {
            $0.sliced(axis: $1, start: Swift.max(shape[$1] - 1, 0), count: shape[$1], step: -1)
        }
        return view(layout).recorded(from: [self]) { [$0.flipped(list)] }
    }

    /// Elements start, start + step, … (count of them) along an axis.
    package func sliced(axis: Int, start: Int, count: Int, step: Int = 1) -> Tensor {
        let old = shape
        return view(layout.sliced(axis: axis, start: start, count: count, step: step)).recorded(
            from: [self]) { g in
                let x = Tensor.zeros(old, dtype: g.dtype, on: g.device)
                return [x.replacing(axis: axis, start: start, step: step, with: g)]
            }
    }

    /// `count` elements along an axis from `start`.
    public func narrowed(_ axis: Int, start: Int, count: Int) -> Tensor {
        let position = self.axis(axis, "narrowed")
        require(
            start >= 0 && count >= 0 && start + count <= shape[position],
            "narrowed: \(start) ..< \(start + count) is not in axis \(axis) of \(shape)")
        return sliced(axis: position, start: start, count: count)
    }

    /// Pieces of the given lengths along an axis.
    public func split(_ sizes: [Int], axis: Int = 0) -> [Tensor] {
        let position = self.axis(axis, "split")
        require(
            sizes.reduce(0, +) == shape[position] && sizes.allSatisfy { $0 >= 0 },
            "split: sizes \(sizes) do not add up to axis \(axis) of \(shape)")
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return sliced(axis: position, start: start, count: size)
        }
    }

    /// `count` pieces of ceil(length / count) along an axis; the last may be shorter, and there may be fewer.
    public func chunked(_ count: Int, axis: Int = 0) -> [Tensor] {
        require(count > 0, "chunked: into \(count) pieces")
        let length = shape[self.axis(axis, "chunked")]
        let size = Swift.max(1, (length + count - 1) / count)
        let starts = length == 0 ? [0] : Array(stride(from: 0, to: length, by: size))
        return split(starts.map { Swift.min(size, length - $0) }, axis: axis)
    }
}

// MARK: copies

extension Tensor {
    /// The same values in row-major order without gaps; this tensor if they lie so already.
    public func contiguous() -> Tensor {
        if layout.isContiguous { return self }
        let y = result()
        backend.copy(self, into: y)
        return y.recorded(from: [self]) { [$0] }
    }

    /// Converted to another type. Floats round to nearest even; gradients flow between floats.
    public func cast(to dtype: DType) -> Tensor {
        if dtype == self.dtype { return self }
        let y = result(shape, dtype)
        backend.copy(self, into: y)
        guard dtype.isFloat, self.dtype.isFloat else { return y }
        return y.recorded(asCastOf: self)
    }

    /// This tensor with the elements start, start + step, … along an axis replaced.
    package func replacing(axis: Int, start: Int, step: Int = 1, with part: Tensor) -> Tensor {
        let y = result()
        let hole = y.layout.sliced(axis: axis, start: start, count: part.shape[axis], step: step)
        backend.copy(self, into: y)
        backend.copy(part, into: y.view(hole))
        let partShape = part.shape
        return y.recorded(from: [self, part]) { g in
            let inside = g.sliced(axis: axis, start: start, count: partShape[axis], step: step)
            let zeros = Tensor.zeros(partShape, dtype: g.dtype, on: g.device)
            return [g.replacing(axis: axis, start: start, step: step, with: zeros), inside]
        }
    }

    /// Tensors joined along an axis; their other axes must agree.
    public static func concatenated(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
        require(!tensors.isEmpty, "concatenated: no tensors")
        let first = tensors[0]
        let position = first.axis(axis, "concatenated")
        for other in tensors {
            require(
                other.rank == first.rank && other.dtype == first.dtype
                    && first.shape.indices.allSatisfy {
                        $0 == position || other.shape[$0] == first.shape[$0]
                    },
                "concatenated: \(other.shape) \(other.dtype) does not fit \(first.shape) \(first.dtype) on axis \(axis)"
            )
        }
        let sizes = tensors.map { $0.shape[position] }
        var shape = first.shape
        shape[position] = sizes.reduce(0, +)
        let y = first.result(shape)
        var start = 0
        for (tensor, size) in zip(tensors, sizes) {
            _ = sharedBackend(first, tensor, "concatenated")
            y.backend.copy(
                tensor,
                into: y.view(y.layout.sliced(axis: position, start: start, count: size, step: 1)))
            start += size
        }
        return y.recorded(from: tensors) { $0.split(sizes, axis: position) }
    }

    /// Tensors of one shape joined along a new axis.
    public static func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
        concatenated(tensors.map { $0.expandingAxis(axis) }, axis: axis)
    }

    /// The whole tensor `times[i]` times along axis i.
    public func repeated(_ times: [Int]) -> Tensor {
        require(
            times.count >= rank && times.allSatisfy { $0 >= 0 },
            "repeated: \(times) does not fit \(shape)")
        let shape = [Int](repeating: 1, count: times.count - rank) + self.shape
        let pairs = zip(times, shape).flatMap { [$0, $1] }
        return reshaped(shape.flatMap { [1, $0] }).expanded(to: pairs).reshaped(
            zip(times, shape).map(*))
    }

    /// Every slice along an axis `times` times in a row.
    public func repeatedInterleaved(_ times: Int, axis: Int) -> Tensor {
        let position = self.axis(axis, "repeatedInterleaved")
        var (wide, flat) = (shape, shape)
        wide.insert(times, at: position + 1)
        flat[position] *= times
        return expandingAxis(position + 1).expanded(to: wide).reshaped(flat)
    }

    /// Shifted cyclically: what leaves at the end of an axis comes in at its front.
    public func rolled(_ shifts: [Int], axes: [Int]) -> Tensor {
        require(shifts.count == axes.count, "rolled: \(shifts.count) shifts for \(axes.count) axes")
        return zip(shifts, axes).reduce(self) { x, move in
            let position = x.axis(move.1, "rolled")
            let length = x.shape[position]
            guard length > 0 else { return x }
            let cut = ((-move.0 % length) + length) % length
            let parts = x.split([cut, length - cut], axis: position)
            return cut == 0 ? x : Tensor.concatenated([parts[1], parts[0]], axis: position)
        }
    }
}
