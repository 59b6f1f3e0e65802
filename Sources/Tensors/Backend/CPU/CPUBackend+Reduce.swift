import CApus

extension CPUBackend {
    package func reduce(_ op: ReduceOp, _ x: Tensor, axes: [Int], into y: Tensor) {
        withArrays(x, y) {
            apus_reduce(apus_reduce_op(rawValue: op.rawValue), $0, axisBits(axes), $0 + 1)
        }
    }

    package func argReduce(largest: Bool, _ x: Tensor, axis: Int, into y: Tensor) {
        withArrays(x, y) { apus_arg_reduce(largest, $0, Int32(axis), $0 + 1) }
    }

    package func meanVariance(
        _ x: Tensor, axes: [Int], correction: Float, mean: Tensor, variance: Tensor
    ) {
        withArrays(x, mean, variance) {
            apus_mean_variance($0, axisBits(axes), correction, $0 + 1, $0 + 2)
        }
    }

    package func cumsum(_ x: Tensor, axis: Int, reverse: Bool, into y: Tensor) {
        withArrays(x, y) { apus_cumsum($0, Int32(axis), reverse, $0 + 1) }
    }

    package func sort(_ x: Tensor, axis: Int, descending: Bool, values: Tensor, indices: Tensor) {
        withArrays(x, values, indices) { apus_sort($0, Int32(axis), descending, $0 + 1, $0 + 2) }
    }
}

/// Bit i: axis i.
func axisBits(_ axes: [Int]) -> UInt32 { axes.reduce(0) { $0 | 1 << UInt32($1) } }
