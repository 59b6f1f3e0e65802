import Tensors

/// Softmax along rows.
struct SoftmaxWorkload: Workload {
    let inputs: [Input]

    init(_ c: Case) { inputs = [.random([c["rows"], c["cols"]], c.dtype, scale: 8, seed: 1)] }

    func bind(_ x: [Tensor]) -> Run { { [x[0].softmax()] } }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype, relative: 4e-6)
        check.scan(results[0], "the result")
        let columns = inputs[0].shape[1]
        for row in sampled(inputs[0].shape[0], 16) {
            let p = softmax(inputs[0].values[row * columns..<(row + 1) * columns])
            for j in sampled(columns, 64) {
                check.expect(
                    results[0][row * columns + j], p[j], magnitude: p[j], at: "row \(row), \(j)")
            }
        }
        return check
    }
}

/// The softmax of a row in double.
func softmax(_ row: ArraySlice<Float>) -> [Double] {
    let highest = Double(row.max() ?? 0)
    let powers = row.map { exponential(Double($0) - highest) }
    let total = powers.reduce(0, +)
    return powers.map { $0 / total }
}

/// The mean cross-entropy of logits (rows, cols) and its gradient.
struct CrossEntropyWorkload: Workload {
    let inputs: [Input]

    init(_ c: Case) {
        inputs = [
            .random([c["rows"], c["cols"]], c.dtype, scale: 4, seed: 1),
            .ids(c["rows"], below: c["cols"], seed: 2),
        ]
    }

    func bind(_ x: [Tensor]) -> Run {
        let leaf = x[0].tracked
        return { leaf.crossEntropy(x[1]).gradients(at: [leaf]) }
    }

    func check(_ results: [[Float]]) -> Check {
        // An exponential far from 0 magnifies the rounding of its argument.
        var check = Check(inputs[0].dtype, relative: 1e-5)
        check.scan(results[0], "the gradient")
        let (rows, columns) = (inputs[0].shape[0], inputs[0].shape[1])
        for row in sampled(rows, 8) {
            let p = softmax(inputs[0].values[row * columns..<(row + 1) * columns])
            let target = Int(inputs[1].values[row])
            for j in sampled(columns, 64) + [target] {
                let want = (p[j] - (j == target ? 1 : 0)) / Double(rows)
                check.expect(
                    results[0][row * columns + j], want, magnitude: abs(want),
                    at: "row \(row), \(j)")
            }
        }
        return check
    }
}

/// One decoupled AdamW step in place: parameter, gradient, m, v.
struct AdamWWorkload: Workload {
    let inputs: [Input]
    private let lr = 1e-4
    private let beta1 = 0.9
    private let beta2 = 0.999
    private let epsilon = 1e-8
    private let decay = 0.01

    init(_ c: Case) {
        let shape = [c["rows"], c["cols"]]
        inputs = [
            .random(shape, .f32, seed: 1), .random(shape, .f32, seed: 2),
            Input(
                shape: shape, dtype: .f32, values: [Float](repeating: 0, count: shape.reduce(1, *))),
            Input(
                shape: shape, dtype: .f32, values: [Float](repeating: 0, count: shape.reduce(1, *))),
        ]
    }

    func bind(_ x: [Tensor]) -> Run {
        let step = OptimiserStep.adam(
            lr: lr, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: decay,
            bias1: 1 - beta1, bias2: 1 - beta2, decoupled: true)
        let backend = x[0].device.backend
        return {
            backend.step([
                OptimiserUpdate(step, parameter: x[0], gradient: x[1], state: [x[2], x[3]])
            ])
            return [x[0], x[2], x[3]]
        }
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(.f32, relative: 2e-6)
        for values in results { check.scan(values, "the state") }
        for i in sampled(results[0].count, 4096) {
            let (p, g) = (Double(inputs[0].values[i]), Double(inputs[1].values[i]))
            let (m, v) = ((1 - beta1) * g, (1 - beta2) * g * g)
            let moved = lr * (m / (1 - beta1)) / ((v / (1 - beta2)).squareRoot() + epsilon)
            check.expect(
                results[0][i], p * (1 - lr * decay) - moved, magnitude: abs(p) + lr,
                at: "parameter \(i)")
            check.expect(results[1][i], m, magnitude: abs(m), at: "m \(i)")
            check.expect(results[2][i], v, magnitude: v, at: "v \(i)")
        }
        return check
    }
}
