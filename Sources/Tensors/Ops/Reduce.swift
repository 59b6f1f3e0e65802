// Reductions, scans and sorting along axes. `axes: nil` means all of them.

extension Tensor {
    package func reduced(_ op: ReduceOp, _ list: [Int], _ type: DType? = nil) -> Tensor {
        var shape = self.shape
        for axis in list { shape[axis] = 1 }
        let y = result(shape, type)
        backend.reduce(op, detached, axes: list, into: y)
        return y
    }

    /// Without the reduced axes, unless they are to be kept with length 1.
    private func finish(_ list: [Int], _ keepDims: Bool) -> Tensor {
        keepDims ? self : reshaped(shape.indices.filter { !list.contains($0) }.map { shape[$0] })
    }

    private func length(_ list: [Int]) -> Int { list.map { shape[$0] }.reduce(1, *) }

    public func sum(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let list = self.axes(axes, "sum")
        let shape = self.shape
        return reduced(.sum, list).recorded(from: [self]) { [$0.expanded(to: shape)] }.finish(
            list, keepDims)
    }

    public func mean(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let list = self.axes(axes, "mean")
        let (shape, count) = (self.shape, Float(length(list)))
        return reduced(.mean, list)
            .recorded(from: [self]) { [($0 / count).expanded(to: shape)] }
            .finish(list, keepDims)
    }

    /// The product over one axis.
    public func product(axis: Int, keepDims: Bool = false) -> Tensor {
        let position = self.axis(axis, "product")
        let y = reduced(.prod, [position]).recorded(from: [self]) { [x = self] g in
            [g * x.productOfOthers(position)]
        }
        return y.finish([position], keepDims)
    }

    /// For each element the product of all others along an axis, without dividing: zeros are no trouble.
    private func productOfOthers(_ axis: Int) -> Tensor {
        let n = shape[axis]
        let others = (0..<n).map { i in
            Tensor.concatenated(
                [
                    sliced(axis: axis, start: 0, count: i),
                    sliced(axis: axis, start: i + 1, count: n - i - 1),
                ], axis: axis
            ).product(axis: axis, keepDims: true)
        }
        return Tensor.concatenated(others, axis: axis)
    }

    public func max(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        extreme(.max, axes, keepDims)
    }
    public func min(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        extreme(.min, axes, keepDims)
    }

    private func extreme(_ op: ReduceOp, _ axes: [Int]?, _ keepDims: Bool) -> Tensor {
        let list = self.axes(axes, "max")
        let y = reduced(op, list)
        return y.recorded(from: [self]) { [x = self] g in
            let hit = x.equal(y).cast(to: x.dtype)
            return [hit * (g / hit.sum(axes: list, keepDims: true))]
        }.finish(list, keepDims)
    }

    public func argmax(axis: Int? = nil, keepDims: Bool = false) -> Tensor {
        argExtreme(true, axis, keepDims)
    }
    public func argmin(axis: Int? = nil, keepDims: Bool = false) -> Tensor {
        argExtreme(false, axis, keepDims)
    }

    private func argExtreme(_ largest: Bool, _ axis: Int?, _ keepDims: Bool) -> Tensor {
        guard let axis else {
            let y = flattened().detached.argExtreme(largest, 0, false)
            return keepDims ? y.reshaped([Int](repeating: 1, count: rank)) : y
        }
        let position = self.axis(axis, "argmax")
        require(shape[position] > 0, "argmax: axis \(axis) of \(shape) is empty")
        var shape = self.shape
        shape[position] = 1
        let y = result(shape, .i32)
        backend.argReduce(largest: largest, detached, axis: position, into: y)
        return y.finish([position], keepDims)
    }

    /// Variance with divisor n - correction.
    public func variance(axes: [Int]? = nil, correction: Float = 1, keepDims: Bool = false)
        -> Tensor
    {
        let list = self.axes(axes, "variance")
        let divisor = Float(length(list)) - correction
        var shape = self.shape
        for axis in list { shape[axis] = 1 }
        let (mean, variance) = (result(shape), result(shape))
        backend.meanVariance(
            detached, axes: list, correction: correction, mean: mean, variance: variance)
        return variance.recorded(from: [self]) { [x = self] g in
            [(x - x.mean(axes: list, keepDims: true)) * (g * (2 / divisor))]
        }.finish(list, keepDims)
    }

    public func standardDeviation(axes: [Int]? = nil, correction: Float = 1, keepDims: Bool = false)
        -> Tensor
    {
        sqrt(variance(axes: axes, correction: correction, keepDims: keepDims))
    }

    /// log(sum(exp(x))), stable for large |x|.
    public func logSumExp(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let list = self.axes(axes, "logSumExp")
        let y = reduced(.logSumExp, list)
        return y.recorded(from: [self]) { [x = self] g in
            let again = Recording.isOn ? x.logSumExp(axes: list, keepDims: true) : y
            return [g * exp(x - again)]
        }.finish(list, keepDims)
    }

    /// (sum |x|^p)^(1/p) over axes; p may be infinite.
    public func norm(_ p: Float = 2, axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        switch p {
        case .infinity: abs(self).max(axes: axes, keepDims: keepDims)
        case 1: abs(self).sum(axes: axes, keepDims: keepDims)
        case 2: euclideanNorm(axes, keepDims)
        default: abs(self).raised(to: p).sum(axes: axes, keepDims: keepDims).raised(to: 1 / p)
        }
    }

    private func euclideanNorm(_ axes: [Int]?, _ keepDims: Bool) -> Tensor {
        let list = self.axes(axes, "norm")
        let y = sqrt(reduced(.sumOfSquares, list))
        return y.recorded(from: [self]) { [x = self] g in
            [x * (g / (Recording.isOn ? x.norm(axes: list, keepDims: true) : y))]
        }.finish(list, keepDims)
    }

    /// Whether any element (or all elements) over axes are true; bool.
    public func any(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let list = self.axes(axes, "any")
        return reduced(.any, list, .bool).finish(list, keepDims)
    }
    public func all(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let list = self.axes(axes, "all")
        return reduced(.all, list, .bool).finish(list, keepDims)
    }

    /// The running sum along an axis.
    public func cumulativeSum(axis: Int, reverse: Bool = false) -> Tensor {
        let position = self.axis(axis, "cumulativeSum")
        let y = result()
        backend.cumsum(detached, axis: position, reverse: reverse, into: y)
        return y.recorded(from: [self]) { [$0.cumulativeSum(axis: position, reverse: !reverse)] }
    }

    /// Values in order along an axis, and where each came from (i32). Equal values keep their order.
    public func sorted(axis: Int = -1, descending: Bool = false) -> (
        values: Tensor, indices: Tensor
    ) {
        let position = self.axis(axis, "sorted")
        return firstSorted(shape[position], position, descending)
    }

    /// The k largest (or smallest) values along an axis, best first, and their indices (i32).
    public func top(_ k: Int, axis: Int = -1, largest: Bool = true) -> (
        values: Tensor, indices: Tensor
    ) {
        let position = self.axis(axis, "top")
        require(k >= 0 && k <= shape[position], "top: \(k) of axis \(axis) of \(shape)")
        return firstSorted(k, position, largest)
    }

    private func firstSorted(_ k: Int, _ axis: Int, _ descending: Bool) -> (Tensor, Tensor) {
        var shape = self.shape
        shape[axis] = k
        let (values, indices) = (result(shape), result(shape, .i32))
        backend.sort(detached, axis: axis, descending: descending, values: values, indices: indices)
        return (
            values.recorded(from: [self]) { [x = self] g in
                [Tensor.zeros(x.shape, on: x.device).scatteringAdd(indices, g, axis: axis)]
            }, indices
        )
    }
}
