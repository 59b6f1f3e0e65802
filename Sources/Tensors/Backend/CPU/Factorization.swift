import CApus

/// LAPACK's ops. They run on the CPU: a device tensor is copied there and its result back, which its device's
/// transfer statistics show.
package enum Factorization: Sendable {
    case cholesky, qr, svd, eigh, solve, inverse, slogdet, sqrtProductTrace
}

/// Contiguous f32 matrices on the CPU in, the factors out; `shapes` are those of one batch entry's results.
package func factorize(
    _ kind: Factorization, _ inputs: [Tensor], batch: Int, into results: [Tensor]
) throws(LinalgError) {
    let a = inputs[0]
    let (m, n) = (Int64(a.shape[a.rank - 2]), Int64(a.shape[a.rank - 1]))
    let count = Int64(batch)
    let p = results.map { $0.pointer(Float.self) }
    let code: Int32 = withExtendedLifetime((inputs, results)) {
        switch kind {
        case .cholesky: apus_cholesky(count, n, a.pointer(), p[0])
        case .qr: apus_qr(count, m, n, a.pointer(), p[0], p[1])
        case .svd: apus_svd(count, m, n, a.pointer(), p[0], p[1], p[2])
        case .eigh: apus_eigh(count, n, a.pointer(), p[0], p[1])
        case .solve:
            apus_solve(
                count, n, Int64(inputs[1].shape[inputs[1].rank - 1]), a.pointer(),
                inputs[1].pointer(), p[0])
        case .inverse: apus_inverse(count, n, a.pointer(), p[0])
        case .slogdet: apus_slogdet(count, n, a.pointer(), p[0], p[1])
        case .sqrtProductTrace: apus_sqrt_product_trace(n, a.pointer(), inputs[1].pointer(), p[0])
        }
    }
    if code != 0 { throw LinalgError(op: "\(kind)", code: Int(code)) }
}

/// A factorisation that does not exist: a singular or indefinite matrix, or values that are not finite.
public struct LinalgError: Error, CustomStringConvertible {
    public let op: String
    /// LAPACK's info: the pivot or leading minor (counted from 1) that failed.
    public let code: Int
    public var description: String {
        "\(op): the matrix has no such factorisation (LAPACK reports pivot \(code): it is singular, not positive definite, or not finite)"
    }
}
