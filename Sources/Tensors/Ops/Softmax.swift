// Softmax along an axis. The kernels work on rows; other axes move to the end and back.

extension Tensor {
    /// Probabilities along an axis; -infinity gets 0.
    public func softmax(axis: Int = -1) -> Tensor { softmax(axis, logarithm: false) }

    /// The logarithm of softmax along an axis, stable for large values.
    public func logSoftmax(axis: Int = -1) -> Tensor { softmax(axis, logarithm: true) }

    private func softmax(_ axis: Int, logarithm: Bool) -> Tensor {
        let position = self.axis(axis, "softmax")
        if position != rank - 1 {
            return transposed(position, -1).softmax(-1, logarithm: logarithm).transposed(
                position, -1)
        }
        let x = detached.asRows()
        let y = result(x.shape)
        if y.count > 0 { backend.softmax(logarithm: logarithm, x, into: y) }
        let value = y.reshaped(shape)
        return value.fused(from: [self]) { inputs in
            let shifted = inputs[0] - inputs[0].logSumExp(axes: [-1], keepDims: true)
            return logarithm ? shifted : exp(shifted)
        } gradient: { g in
            let dx = y.result()
            if dx.count > 0 {
                y.backend.softmaxGradient(logarithm: logarithm, y, g.asRows(), into: dx)
            }
            return [dx.reshaped(value.shape)]
        }
    }

    /// (rows, columns) contiguous: the last axis against all others.
    package func asRows() -> Tensor {
        let columns = shape[rank - 1]
        return contiguous().reshaped([columns == 0 ? 0 : count / columns, columns])
    }
}
