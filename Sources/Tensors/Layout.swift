/// How the elements of a tensor lie in its storage: element (i, j, …) is at offset + i · strides[0] + j · strides[1] + ….
///
/// Views are new layouts of the same storage; strides may be 0 (broadcast) or negative (flipped).
package struct Layout: Sendable {
    package let shape: [Int]
    /// Empty where they are those of row-major order: most layouts then take no memory for them.
    private let ownStrides: [Int]
    package let offset: Int

    package init(shape: [Int], strides: [Int], offset: Int = 0) {
        self.shape = shape
        ownStrides = strides
        self.offset = offset
    }

    /// The row-major layout of a shape.
    package init(_ shape: [Int], offset: Int = 0) {
        self.init(shape: shape, strides: [], offset: offset)
    }

    package var strides: [Int] {
        ownStrides.isEmpty ? Layout.rowMajorStrides(shape) : ownStrides
    }

    package var rank: Int { shape.count }
    package var count: Int {
        var count = 1
        for length in shape { count *= length }
        return count
    }

    /// The stride of one axis, without a list of all.
    package func stride(_ axis: Int) -> Int {
        if !ownStrides.isEmpty { return ownStrides[axis] }
        var stride = 1
        for behind in axis + 1..<shape.count { stride *= shape[behind] }
        return stride
    }

    package static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * shape[axis + 1]
        }
        return strides
    }

    /// Whether the elements lie in row-major order without gaps; strides of axes of length 1 do not matter.
    package var isContiguous: Bool {
        if ownStrides.isEmpty { return true }
        var expected = 1
        var axis = shape.count - 1
        while axis >= 0 {
            if shape[axis] != 1 {
                if ownStrides[axis] != expected { return count == 0 }
                expected *= shape[axis]
            }
            axis -= 1
        }
        return true
    }
}

// MARK: views

extension Layout {
    package func permuted(_ axes: [Int]) -> Layout {
        let strides = strides
        return Layout(
            shape: axes.map { shape[$0] }, strides: axes.map { strides[$0] }, offset: offset)
    }

    /// Elements start, start + step, … along an axis; a negative step walks backwards.
    package func sliced(axis: Int, start: Int, count: Int, step: Int) -> Layout {
        var (shape, strides) = (shape, strides)
        let begin = count > 0 ? offset + start * strides[axis] : offset
        shape[axis] = count
        strides[axis] *= step
        return Layout(shape: shape, strides: strides, offset: begin)
    }

    package func removingAxis(_ axis: Int) -> Layout {
        var (shape, strides) = (shape, strides)
        shape.remove(at: axis)
        strides.remove(at: axis)
        return Layout(shape: shape, strides: strides, offset: offset)
    }

    package func insertingAxis(_ axis: Int) -> Layout {
        var (shape, strides) = (shape, strides)
        shape.insert(1, at: axis)
        strides.insert(0, at: axis)
        return Layout(shape: shape, strides: strides, offset: offset)
    }

    /// Broadcast to a shape: new axes in front and axes of length 1 repeat with stride 0. Nil if the shapes do not fit.
    package func expanded(to target: [Int]) -> Layout? {
        let new = target.count - rank
        guard new >= 0 else { return nil }
        var wide = [Int](repeating: 0, count: target.count)
        for axis in 0..<rank {
            if shape[axis] == target[new + axis] {
                wide[new + axis] = stride(axis)
            } else if shape[axis] != 1 {
                return nil
            }
        }
        return Layout(shape: target, strides: wide, offset: offset)
    }

    /// The same elements in the same row-major order with another shape, if strides can say so; else nil.
    package func reshaped(to target: [Int]) -> Layout? {
        if isContiguous { return Layout(target, offset: offset) }
        // Groups of old axes and of new axes with the same number of elements; inside a group the old axes
        // must be contiguous among themselves.
        var strides = [Int](repeating: 0, count: target.count)
        let own = ownStrides
        let old = shape.indices.filter { shape[$0] != 1 }
        var from = 0
        var to = 0
        while to < target.count {
            if target[to] == 1 {
                to += 1
                continue
            }
            guard from < old.count else { return nil }
            var (last, end) = (from, to)
            var (oldCount, newCount) = (shape[old[from]], target[to])
            while oldCount != newCount {
                if oldCount < newCount {
                    last += 1
                    guard last < old.count,
                        own[old[last - 1]] == own[old[last]] * shape[old[last]]
                    else { return nil }
                    oldCount *= shape[old[last]]
                } else {
                    end += 1
                    guard end < target.count else { return nil }
                    newCount *= target[end]
                }
            }
            var stride = own[old[last]]
            for axis in (to...end).reversed() {
                strides[axis] = stride
                stride *= target[axis]
            }
            (from, to) = (last + 1, end + 1)
        }
        return Layout(shape: target, strides: strides, offset: offset)
    }
}
