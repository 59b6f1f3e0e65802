import Tensors

/// Mean and 1 / deviation of numbers, in double.
private func statistics(_ values: some Collection<Float>, epsilon: Double) -> (
    mean: Double, rstd: Double
) {
    let n = Double(values.count)
    let mean = values.reduce(0) { $0 + Double($1) } / n
    let variance = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / n
    return (mean, 1 / (variance + epsilon).squareRoot())
}

/// Layer normalisation of rows with weight and bias, and the gradients of all three.
struct LayerNormWorkload: Workload {
    let inputs: [Input]
    private let rows, columns: Int
    private let backward: Bool

    init(_ c: Case) {
        (rows, columns, backward) = (c["rows"], c["cols"], c.backward)
        var list = [
            Input.random([rows, columns], c.dtype, scale: 2, seed: 1),
            Input.random([columns], c.dtype, seed: 2), Input.random([columns], c.dtype, seed: 3),
        ]
        if backward { list.append(.random([rows, columns], c.dtype, seed: 4)) }
        inputs = list
    }

    func bind(_ x: [Tensor]) -> Run {
        guard backward else { return { [x[0].layerNorm(weight: x[1], bias: x[2])] } }
        let leaves = x.prefix(3).map(\.tracked)
        return {
            let y = leaves[0].layerNorm(weight: leaves[1], bias: leaves[2])
            return [y.detached] + y.gradients(at: leaves, seed: x[3])
        }
    }

    private func row(_ input: Int, _ i: Int) -> ArraySlice<Float> {
        inputs[input].values[i * columns..<(i + 1) * columns]
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        for (values, name) in zip(results, ["y", "dx", "dweight", "dbias"]) {
            check.scan(values, name)
        }
        for i in sampled(rows, 16) { checkRow(i, results, &check) }
        if backward { checkParameters(results, &check) }
        return check
    }

    private func checkRow(_ i: Int, _ results: [[Float]], _ check: inout Check) {
        let (mean, rstd) = statistics(row(0, i), epsilon: 1e-5)
        let normal = row(0, i).map { (Double($0) - mean) * rstd }
        for j in sampled(columns, 32) {
            let (w, b) = (Double(inputs[1].values[j]), Double(inputs[2].values[j]))
            check.expect(
                results[0][i * columns + j], normal[j] * w + b,
                magnitude: abs(normal[j] * w) + abs(b) + 0.1,
                at: "y of row \(i), \(j)")
        }
        guard backward else { return }
        let slopes = zip(row(3, i), inputs[1].values).map { Double($0) * Double($1) }
        let n = Double(columns)
        let first = slopes.reduce(0, +) / n
        let second = zip(slopes, normal).reduce(0) { $0 + $1.0 * $1.1 } / n
        for j in sampled(columns, 32) {
            let want = rstd * (slopes[j] - first - normal[j] * second)
            check.expect(
                results[1][i * columns + j], want, magnitude: rstd * (abs(slopes[j]) + 1),
                at: "dx of row \(i), \(j)")
        }
    }

    private func checkParameters(_ results: [[Float]], _ check: inout Check) {
        let chosen = sampled(columns, 16)
        var sums = [(Sum, Sum)](repeating: (Sum(), Sum()), count: chosen.count)
        for i in 0..<rows {
            let (mean, rstd) = statistics(row(0, i), epsilon: 1e-5)
            for (place, j) in chosen.enumerated() {
                let g = Double(inputs[3].values[i * columns + j])
                sums[place].0.add(g * (Double(inputs[0].values[i * columns + j]) - mean) * rstd)
                sums[place].1.add(g)
            }
        }
        for (place, j) in chosen.enumerated() {
            let (weight, bias) = sums[place]
            check.expect(
                results[2][j], weight.value, magnitude: weight.magnitude, at: "dweight \(j)")
            check.expect(results[3][j], bias.value, magnitude: bias.magnitude, at: "dbias \(j)")
        }
    }
}

/// Root-mean-square normalisation of rows with weight.
struct RMSNormWorkload: Workload {
    let inputs: [Input]

    init(_ c: Case) {
        inputs = [
            .random([c["rows"], c["cols"]], c.dtype, scale: 2, seed: 1),
            .random([c["cols"]], c.dtype, seed: 2),
        ]
    }

    func bind(_ x: [Tensor]) -> Run { { [x[0].rmsNorm(weight: x[1])] } }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        check.scan(results[0], "y")
        let columns = inputs[0].shape[1]
        for i in sampled(inputs[0].shape[0], 16) {
            let row = inputs[0].values[i * columns..<(i + 1) * columns]
            let square = row.reduce(0) { $0 + Double($1) * Double($1) } / Double(columns)
            let scale = 1 / (square + 1e-6).squareRoot()
            for j in sampled(columns, 32) {
                let want = Double(row[i * columns + j]) * scale * Double(inputs[1].values[j])
                check.expect(
                    results[0][i * columns + j], want, magnitude: abs(want), at: "row \(i), \(j)")
            }
        }
        return check
    }
}

/// Group normalisation and SiLU of x (n, h, w, c).
struct GroupNormWorkload: Workload {
    let inputs: [Input]
    private let n, c, positions, groups: Int

    init(_ c: Case) {
        (n, self.c, positions, groups) = (c["n"], c["c"], c["h"] * c["w"], c["groups"])
        inputs = [
            .random([n, c["h"], c["w"], c["c"]], c.dtype, scale: 2, seed: 1),
            .random([c["c"]], c.dtype, seed: 2), .random([c["c"]], c.dtype, seed: 3),
        ]
    }

    func bind(_ x: [Tensor]) -> Run {
        { [x[0].groupNorm(groups, weight: x[1], bias: x[2], activation: .silu)] }
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        check.scan(results[0], "y")
        for group in sampled(n * groups, 6) { checkGroup(group, results[0], &check) }
        return check
    }

    private func checkGroup(_ index: Int, _ y: [Float], _ check: inout Check) {
        let (image, group, width) = (index / groups, index % groups, c / groups)
        let start = image * positions * c + group * width
        var values: [Float] = []
        for position in 0..<positions {
            values += inputs[0].values[start + position * c..<start + position * c + width]
        }
        let (mean, rstd) = statistics(values, epsilon: 1e-5)
        for e in sampled(values.count, 64) {
            let channel = group * width + e % width
            let (w, b) = (Double(inputs[1].values[channel]), Double(inputs[2].values[channel]))
            let z = (Double(values[e]) - mean) * rstd * w + b
            let place = start + e / width * c + e % width
            check.expect(
                y[place], z / (1 + exponential(-z)), magnitude: abs(z) + abs(b) + 0.1,
                at: "y of image \(image), channel \(channel)")
        }
    }
}
