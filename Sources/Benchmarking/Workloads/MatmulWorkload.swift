import Tensors

/// op(a) op(b), batch by batch.
struct MatmulWorkload: Workload {
    let inputs: [Input]
    private let batch, m, n, k: Int
    private let transA, transB: Bool

    init(_ c: Case) {
        (batch, m, n, k) = (c["batch"], c["m"], c["n"], c["k"])
        (transA, transB) = (c["transA"] == 1, c["transB"] == 1)
        inputs = [
            .random([batch] + (transA ? [k, m] : [m, k]), c.dtype, seed: 1),
            .random([batch] + (transB ? [n, k] : [k, n]), c.dtype, seed: 2),
        ]
    }

    private func operands(_ x: [Tensor]) -> (Tensor, Tensor) {
        let a = transA ? x[0].transposed() : x[0]
        let b = transB ? x[1].transposed() : x[1]
        return batch == 1 ? (a.squeezed(0), b.squeezed(0)) : (a, b)
    }

    func bind(_ x: [Tensor]) -> Run {
        let (a, b) = operands(x)
        return { [a.matmul(b)] }
    }

    func kernel(_ x: [Tensor]) -> String {
        let (a, b) = operands(x)
        return a.matmulKernelName(b)
    }

    func peers(_ x: [Tensor]) -> [Peer] {
        guard batch == 1, x[0].dtype == .f32 else { return [] }
        let (a, b) = operands(x)
        return matmulPeers(a, b)
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        check.scan(results[0], "the product")
        for entry in sampled(batch, 3) {
            for i in sampled(m, 8) {
                for j in sampled(n, 8) {
                    let sum = element(entry, i, j)
                    check.expect(
                        results[0][(entry * m + i) * n + j], sum.value, magnitude: sum.magnitude,
                        at: "element (\(i), \(j)) of product \(entry)")
                }
            }
        }
        return check
    }

    private func element(_ entry: Int, _ i: Int, _ j: Int) -> Sum {
        let (a, b) = (inputs[0].values, inputs[1].values)
        var sum = Sum()
        for p in 0..<k {
            sum.add(
                a[entry * m * k + (transA ? p * m + i : i * k + p)],
                b[entry * n * k + (transB ? j * k + p : p * n + j)])
        }
        return sum
    }
}
