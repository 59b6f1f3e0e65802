import Tensors

/// gelu, silu_mul, add, add_row: functions of one or two arrays (rows, cols).
struct ElementwiseWorkload: Workload {
    let inputs: [Input]
    private let operation: Operation
    private let columns: Int

    init(_ c: Case) {
        operation = c.operation
        columns = c["cols"]
        let shape = [c["rows"], columns]
        var list = [Input.random(shape, c.dtype, scale: 4, seed: 1)]
        if operation != .gelu {
            list.append(.random(operation == .addRow ? [columns] : shape, c.dtype, seed: 2))
        }
        inputs = list
    }

    func bind(_ x: [Tensor]) -> Run {
        switch operation {
        case .gelu: { [x[0].gelu()] }
        case .siluMul: { [x[0].swiglu(x[1])] }
        default: { [x[0] + x[1]] }
        }
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype, relative: 2e-6)
        check.scan(results[0], "the result")
        for i in sampled(inputs[0].values.count, 4096) {
            let x = Double(inputs[0].values[i])
            let y =
                inputs.count > 1
                ? Double(inputs[1].values[operation == .addRow ? i % columns : i]) : 0
            let want =
                switch operation {
                case .gelu: 0.5 * x * (1 + errorFunction(x / 2.0.squareRoot()))
                case .siluMul: x / (1 + exponential(-x)) * y
                default: x + y
                }
            // gelu adds x / 2 and x erf / 2, which cancel far on the left.
            let summed = operation == .gelu ? abs(x) : abs(want)
            check.expect(results[0][i], want, magnitude: summed + 0.01, at: "element \(i)")
        }
        return check
    }
}

/// The sum over axis 0.
struct SumRowsWorkload: Workload {
    let inputs: [Input]

    init(_ c: Case) { inputs = [.random([c["rows"], c["cols"]], c.dtype, seed: 1)] }

    func bind(_ x: [Tensor]) -> Run { { [x[0].sum(axes: [0])] } }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        check.scan(results[0], "the sum")
        let (rows, columns) = (inputs[0].shape[0], inputs[0].shape[1])
        for j in sampled(columns, 64) {
            var sum = Sum()
            for i in 0..<rows { sum.add(Double(inputs[0].values[i * columns + j])) }
            check.expect(results[0][j], sum.value, magnitude: sum.magnitude, at: "column \(j)")
        }
        return check
    }
}

/// The transposed view as an array of its own.
struct TransposeWorkload: Workload {
    let inputs: [Input]

    init(_ c: Case) { inputs = [.random([c["rows"], c["cols"]], c.dtype, seed: 1)] }

    func bind(_ x: [Tensor]) -> Run {
        let view = x[0].transposed()
        return { [view.contiguous()] }
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        let (rows, columns) = (inputs[0].shape[0], inputs[0].shape[1])
        for i in sampled(rows * columns, 65536) {
            let want = Double(inputs[0].values[i % rows * columns + i / rows])
            check.expect(results[0][i], want, magnitude: 0, at: "element \(i)")
        }
        return check
    }
}

/// Rows of a table (vocab, cols) by id.
struct EmbeddingWorkload: Workload {
    let inputs: [Input]

    init(_ c: Case) {
        inputs = [
            .random([c["vocab"], c["cols"]], c.dtype, seed: 1),
            .ids(c["rows"], below: c["vocab"], seed: 2),
        ]
    }

    func bind(_ x: [Tensor]) -> Run { { [x[0].embedding(x[1])] } }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        let columns = inputs[0].shape[1]
        for i in sampled(results[0].count, 65536) {
            let row = Int(inputs[1].values[i / columns])
            let want = Double(inputs[0].values[row * columns + i % columns])
            check.expect(results[0][i], want, magnitude: 0, at: "element \(i)")
        }
        return check
    }
}

/// x (b, h, t, d) rotated by tables of cosines and sines (t, d / 2).
struct RopeWorkload: Workload {
    let inputs: [Input]

    init(_ c: Case) {
        let table = [1, c["t"], c["d"] / 2]
        inputs = [
            .random([c["b"], c["h"], c["t"], c["d"]], c.dtype, seed: 1),
            .random(table, .f32, seed: 2), .random(table, .f32, seed: 3),
        ]
    }

    func bind(_ x: [Tensor]) -> Run { { [x[0].rotated(cos: x[1], sin: x[2])] } }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        check.scan(results[0], "the result")
        let (x, cos, sin) = (inputs[0].values, inputs[1].values, inputs[2].values)
        let (t, d) = (inputs[0].shape[2], inputs[0].shape[3])
        for i in sampled(x.count, 4096) {
            let (row, e) = (i / d, i % d)
            let pair = e % (d / 2)
            let angle = row % t * (d / 2) + pair
            let other = e < d / 2 ? -x[row * d + pair + d / 2] : x[row * d + pair]
            var sum = Sum()
            sum.add(x[i], cos[angle])
            sum.add(other, sin[angle])
            check.expect(results[0][i], sum.value, magnitude: sum.magnitude, at: "element \(i)")
        }
        return check
    }
}
