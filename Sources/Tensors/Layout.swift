/// How the elements of a tensor lie in its storage: element (i, j, …) is at offset + i · strides[0] + j · strides[1] + ….
///
/// Views are new layouts of the same storage; strides may be 0 (broadcast) or negative (flipped).
package struct Layout: Sendable, Equatable {
    package var shape: [Int]
    package var strides: [Int]
    package var offset: Int

    package init(shape: [Int], strides: [Int], offset: Int = 0) {
        self.shape = shape
        self.strides = strides
        self.offset = offset
    }

    /// The row-major layout of a shape.
    package init(_ shape: [Int]) {
        self.init(shape: shape, strides: Layout.rowMajorStrides(shape))
    }

    package var rank: Int { shape.count }
    package var count: Int { shape.reduce(1, *) }

    package static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * shape[axis + 1]
        }
        return strides
    }

    /// Whether the elements lie in row-major order without gaps; strides of axes of length 1 do not matter.
    package var isContiguous: Bool {
        var expected = 1
        for axis in shape.indices.reversed() where shape[axis] != 1 {
            if strides[axis] != expected { return count == 0 }
            expected *= shape[axis]
        }
        return true
    }
}

// MARK: views

extension Layout {
    package func permuted(_ axes: [Int]) -> Layout {
        Layout(shape: axes.map { shape[$0] }, strides: axes.map { strides[$0] }, offset: offset)
    }

    /// Elements start, start + step, … along an axis; a negative step walks backwards.
    package func sliced(axis: Int, start: Int, count: Int, step: Int) -> Layout {
        var view = self
        if count > 0 { view.offset += start * strides[axis] }
        view.shape[axis] = count
        view.strides[axis] = strides[axis] * step
        return view
    }

    package func removingAxis(_ axis: Int) -> Layout {
        var view = self
        view.shape.remove(at: axis)
        view.strides.remove(at: axis)
        return view
    }

    package func insertingAxis(_ axis: Int) -> Layout {
        var view = self
        view.shape.insert(1, at: axis)
        view.strides.insert(0, at: axis)
        return view
    }

    /// Broadcast to a shape: new axes in front and axes of length 1 repeat with stride 0. Nil if the shapes do not fit.
    package func expanded(to target: [Int]) -> Layout? {
        let new = target.count - rank
        guard new >= 0 else { return nil }
        var view = Layout(
            shape: target, strides: [Int](repeating: 0, count: target.count), offset: offset)
        for axis in 0..<rank {
            if shape[axis] == target[new + axis] {
                view.strides[new + axis] = strides[axis]
            } else if shape[axis] != 1 {
                return nil
            }
        }
        return view
    }

    /// The same elements in the same row-major order with another shape, if strides can say so; else nil.
    package func reshaped(to target: [Int]) -> Layout? {
        if isContiguous {
            return Layout(shape: target, strides: Layout.rowMajorStrides(target), offset: offset)
        }
        // Groups of old axes and of new axes with the same number of elements; inside a group the old axes
        // must be contiguous among themselves.
        var strides = [Int](repeating: 0, count: target.count)
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
                        self.strides[old[last - 1]] == self.strides[old[last]] * shape[old[last]]
                    else { return nil }
                    oldCount *= shape[old[last]]
                } else {
                    end += 1
                    guard end < target.count else { return nil }
                    newCount *= target[end]
                }
            }
            var stride = self.strides[old[last]]
            for axis in (to...end).reversed() {
                strides[axis] = stride
                stride *= target[axis]
            }
            (from, to) = (last + 1, end + 1)
        }
        return Layout(shape: target, strides: strides, offset: offset)
    }
}
