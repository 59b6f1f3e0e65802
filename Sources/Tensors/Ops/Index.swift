// Picking elements by index. Indices are i32 tensors on the same device. An index out of range traps on the CPU; on an
// OpenCL device, where it is not read back, it picks the nearest element and adds nothing.

extension Tensor {
    /// Traps unless every index is in 0 ..< length.
    private static func check(_ index: Tensor, below length: Int, _ op: StaticString) {
        require(index.dtype == .i32, "\(op): indices of type \(index.dtype), not i32")
        guard index.count > 0, let range = index.backend.indexRange(index) else { return }
        require(
            range.lowerBound >= 0 && range.upperBound < length,
            "\(op): indices \(range.lowerBound) ... \(range.upperBound) are not all in 0 ..< \(length)"
        )
    }

    /// The axis in the middle: (outer, n, inner), contiguous.
    private func threefold(_ axis: Int) -> Tensor {
        let outer = shape[..<axis].reduce(1, *)
        let inner = shape[(axis + 1)...].reduce(1, *)
        return detached.contiguous().reshaped([outer, shape[axis], inner])
    }

    /// Slices along an axis by a 1-D index, repeats allowed.
    public func selecting(_ index: Tensor, axis: Int = 0) -> Tensor {
        let position = self.axis(axis, "selecting")
        _ = sharedBackend(self, index, "selecting")
        require(index.rank == 1, "selecting: an index of shape \(index.shape), not 1-D")
        Tensor.check(index, below: shape[position], "selecting")
        let x = threefold(position)
        let y = result([x.shape[0], index.count, x.shape[2]])
        if y.count > 0 { backend.indexSelect(x, index.contiguous(), into: y) }
        var shape = self.shape
        shape[position] = index.count
        return y.reshaped(shape).recorded(from: [self]) { [x = self] g in
            [
                Tensor.zeros(x.shape, on: g.device).addingSlices(
                    g.cast(to: .f32), at: index, axis: position
                ).cast(to: x.dtype)
            ]
        }
    }

    /// This tensor (f32) with slices added at a 1-D index along an axis; repeats accumulate in order.
    public func addingSlices(_ slices: Tensor, at index: Tensor, axis: Int = 0) -> Tensor {
        let position = self.axis(axis, "addingSlices")
        require(
            dtype == .f32 && slices.dtype == .f32,
            "addingSlices: needs f32, not \(dtype) and \(slices.dtype)")
        Tensor.check(index, below: shape[position], "addingSlices")
        let y = copied()
        if slices.count > 0 {
            backend.indexAdd(y.threefold(position), index.contiguous(), slices.threefold(position))
        }
        return y.recorded(from: [self, slices]) { [$0, $0.selecting(index, axis: position)] }
    }

    /// A copy with storage of its own.
    package func copied() -> Tensor {
        let y = result()
        backend.copy(detached, into: y)
        return y
    }

    /// Rows of a table (V, C) by id: ids (…) to (…, C). The row `padding` receives no gradient.
    public func embedding(_ ids: Tensor, padding: Int? = nil) -> Tensor {
        require(rank == 2, "embedding: a table of shape \(shape), not (V, C)")
        guard let padding, isTracked, Recording.isOn else { return rows(ids) }
        // The same values, with the padding row cut off from the gradient.
        let row = Tensor.arange(shape[0], dtype: .i32, on: device).equal(
            Tensor.full([], Float(padding), dtype: .i32, on: device)
        ).expandingAxis(1)
        return Tensor.select(row, detached, self).rows(ids)
    }

    private func rows(_ ids: Tensor) -> Tensor {
        selecting(ids.reshaped([ids.count])).reshaped(ids.shape + [shape[1]])
    }

    /// y[i][j] = x[index[i][j]][j] for axis 0; the index may be shorter than x on the other axes.
    public func gathering(_ index: Tensor, axis: Int) -> Tensor {
        let position = self.axis(axis, "gathering")
        let backend = sharedBackend(self, index, "gathering")
        checkFit(index, position, "gathering")
        let y = result(index.shape)
        if y.count > 0 { backend.gather(detached, index, axis: position, into: y) }
        return y.recorded(from: [self]) { [x = self] g in
            [
                Tensor.zeros(x.shape, on: g.device).scatteringAdd(
                    index, g.cast(to: .f32), axis: position
                ).cast(to: x.dtype)
            ]
        }
    }

    private func checkFit(_ index: Tensor, _ axis: Int, _ op: StaticString) {
        require(
            index.rank == rank
                && shape.indices.allSatisfy { $0 == axis || index.shape[$0] <= shape[$0] },
            "\(op): an index of shape \(index.shape) does not fit \(shape) on axis \(axis)")
        Tensor.check(index, below: shape[axis], op)
    }

    /// As `gathering`, but the axes other than `axis` broadcast.
    public func takingAlong(_ index: Tensor, axis: Int) -> Tensor {
        let position = self.axis(axis, "takingAlong")
        require(index.rank == rank, "takingAlong: an index of shape \(index.shape) for \(shape)")
        var (own, theirs) = (shape, index.shape)
        (own[position], theirs[position]) = (1, 1)
        var common = broadcastShape(own, theirs, "takingAlong")
        common[position] = shape[position]
        let x = expanded(to: common)
        common[position] = index.shape[position]
        return x.gathering(index.expanded(to: common), axis: position)
    }

    /// This tensor (f32) with `src` added at index along an axis; repeats accumulate in order.
    public func scatteringAdd(_ index: Tensor, _ src: Tensor, axis: Int) -> Tensor {
        let position = self.axis(axis, "scatteringAdd")
        require(
            dtype == .f32 && src.dtype == .f32,
            "scatteringAdd: needs f32, not \(dtype) and \(src.dtype)")
        require(
            src.rank == rank && index.rank == rank
                && index.shape.indices.allSatisfy { index.shape[$0] <= src.shape[$0] },
            "scatteringAdd: an index of shape \(index.shape) for a source of shape \(src.shape)")
        checkFit(index, position, "scatteringAdd")
        let y = copied()
        let used = index.shape.indices.reduce(src) {
            $0.narrowed($1, start: 0, count: index.shape[$1])
        }
        if used.count > 0 { backend.scatterAdd(y, index, used.detached, axis: position) }
        return y.recorded(from: [self, used]) { [$0, $0.gathering(index, axis: position)] }
    }

    /// Integer one-hot vectors on a new last axis, from i32 ids.
    public func oneHot(_ classes: Int) -> Tensor {
        Tensor.check(self, below: classes, "oneHot")
        let row = Tensor.arange(classes, dtype: .i32, on: device)
        return expandingAxis(-1).equal(row).cast(to: .i32)
    }
}
