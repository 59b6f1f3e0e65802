// Dense linear algebra through LAPACK, in f64 inside. A device's tensors pass through the CPU, and its transfer
// statistics count them. Matrices are the last two axes; others are a batch.

extension Tensor {
    /// Lower l with l l^T = self, symmetric positive definite.
    public func cholesky() throws(LinalgError) -> Tensor {
        try factorized(.cholesky, square("cholesky"), [[-2, -1]])[0]
    }

    /// Reduced QR; the diagonal of r is positive.
    public func qr() throws(LinalgError) -> (q: Tensor, r: Tensor) {
        let (m, n) = matrix("qr")
        let parts = try factorized(
            .qr, self, sizes: [[m, Swift.min(m, n)], [Swift.min(m, n), n]])
        return (parts[0], parts[1])
    }

    /// Reduced: self = u diag(s) vh, s descending; the largest entry of every column of u is positive.
    public func svd() throws(LinalgError) -> (u: Tensor, s: Tensor, vh: Tensor) {
        let (m, n) = matrix("svd")
        let k = Swift.min(m, n)
        let parts = try factorized(.svd, self, sizes: [[m, k], [k], [k, n]])
        return (parts[0], parts[1], parts[2])
    }

    /// Symmetric self = v diag(w) v^T, w ascending; the largest entry of every column of v is positive.
    public func eigh() throws(LinalgError) -> (w: Tensor, v: Tensor) {
        let (n, _) = square("eigh").matrix("eigh")
        let parts = try factorized(.eigh, self, sizes: [[n], [n, n]])
        return (parts[0], parts[1])
    }

    /// x with self x = b, for b of columns (…, n, k) or a vector (…, n).
    public func solve(_ b: Tensor) throws(LinalgError) -> Tensor {
        let (n, _) = square("solve").matrix("solve")
        if b.rank == rank - 1 { return try solve(b.expandingAxis(-1)).squeezed(-1) }
        require(
            b.rank == rank && b.shape.dropLast() == shape.dropLast() && b.dtype == .f32,
            "solve: \(shape) and \(b.shape) \(b.dtype) do not fit")
        let columns = b.shape[b.rank - 1]
        let x = try Tensor.factorized(.solve, [self, b], sizes: [[n, columns]])[0]
        return x.recorded(from: [self, b]) { [a = self] g in
            // a^T db = g; da = -db x^T
            guard let db = try? a.transposed().solve(g), let x = try? a.solve(b) else {
                return [nil, nil]
            }
            return [-db.matmul(x.transposed()), db]
        }
    }

    public func inverse() throws(LinalgError) -> Tensor {
        let y = try factorized(.inverse, square("inverse"), [[-2, -1]])[0]
        return y.recorded(from: [self]) { [a = self] g in
            let inverse = Recording.isOn ? ((try? a.inverse()) ?? y) : y
            let t = inverse.transposed()
            return [-t.matmul(g).matmul(t)]
        }
    }

    /// The sign of the determinant (-1, 0, 1) and the logarithm of its magnitude.
    public func slogdet() throws(LinalgError) -> (sign: Tensor, logAbs: Tensor) {
        let parts = try factorized(.slogdet, square("slogdet"), sizes: [[], []])
        let logAbs = parts[1].recorded(from: [self]) { [a = self] g in
            guard let inverse = try? a.inverse() else { return [nil] }
            return [inverse.transposed() * g.expandingAxis(-1).expandingAxis(-1)]
        }
        return (parts[0], logAbs)
    }

    public func determinant() throws(LinalgError) -> Tensor {
        let (sign, logAbs) = try slogdet()
        return sign * exp(logAbs)
    }

    /// trace((self b)^1/2) for symmetric positive semi-definite matrices.
    public func sqrtProductTrace(_ b: Tensor) throws(LinalgError) -> Tensor {
        require(rank == 2 && shape == b.shape, "sqrtProductTrace: \(shape) and \(b.shape)")
        _ = (square("sqrtProductTrace"), b.square("sqrtProductTrace"))
        return try Tensor.factorized(.sqrtProductTrace, [self, b], sizes: [[]])[0]
    }

    /// |mean - mean2|² + trace(cov + cov2 - 2 (cov cov2)^1/2) for self = mean.
    public func frechetDistance(_ cov: Tensor, mean2: Tensor, _ cov2: Tensor) throws(LinalgError)
        -> Tensor
    {
        let traces =
            (cov * Tensor.eye(cov.shape[0], on: device) + cov2
            * Tensor.eye(cov.shape[0], on: device)).sum()
        return (self - mean2).squared().sum() + traces - (try cov.sqrtProductTrace(cov2)) * 2
    }

    /// The mean (d) and covariance (d, d; divisor n - 1) of features (n, d).
    public func meanAndCovariance() -> (mean: Tensor, covariance: Tensor) {
        require(rank == 2 && shape[0] > 1, "meanAndCovariance: features of shape \(shape)")
        let mean = self.mean(axes: [0])
        let centred = self - mean
        return (mean, centred.transposed().matmul(centred) / Float(shape[0] - 1))
    }

    // MARK: shapes

    private func matrix(_ op: StaticString) -> (Int, Int) {
        require(rank >= 2, "\(op): a tensor of shape \(shape) is no matrix")
        require(dtype == .f32, "\(op): needs f32, not \(dtype)")
        return (shape[rank - 2], shape[rank - 1])
    }

    private func square(_ op: StaticString) -> Tensor {
        let (m, n) = matrix(op)
        require(m == n, "\(op): a matrix of shape \(shape) is not square")
        return self
    }

    private func factorized(_ kind: Factorization, _ x: Tensor, _ axes: [[Int]]) throws(LinalgError)
        -> [Tensor]
    {
        try Tensor.factorized(kind, [x], sizes: axes.map { $0.map { x.shape[x.rank + $0] } })
    }

    private func factorized(_ kind: Factorization, _ x: Tensor, sizes: [[Int]]) throws(LinalgError)
        -> [Tensor]
    {
        try Tensor.factorized(kind, [x], sizes: sizes)
    }

    /// Runs on the CPU and returns to the inputs' device.
    private static func factorized(
        _ kind: Factorization, _ inputs: [Tensor], sizes: [[Int]]
    ) throws(LinalgError) -> [Tensor] {
        let home = inputs[0].device
        let batch = Array(inputs[0].shape.dropLast(2))
        let host = inputs.map { $0.detached.to(.cpu).contiguous() }
        let results = sizes.map { uninitialized(batch + $0, .f32, on: Device.cpu.backend) }
        try factorize(kind, host, batch: batch.reduce(1, *), into: results)
        return results.map { $0.to(home) }
    }
}
