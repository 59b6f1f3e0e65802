import Tensors

/// A quantised weight (rows, columns) of random numbers, and what its values became.
///
/// Every run of a case makes its own from the same bytes, so that runs from memory do not share one.
private struct QuantizedWeight: Sendable {
    private let format: WeightFormat
    private let rows, columns: Int
    private let original: Input
    private let blocks: [UInt8]
    /// (rows, columns), as the device sees them.
    let values: [Float]

    init(_ format: WeightFormat, rows: Int, columns: Int) {
        (self.format, self.rows, self.columns) = (format, rows, columns)
        let random = Input.random([rows, columns], .f32, seed: 2)
        let dense = random.tensor(on: .cpu)
        switch format {
        case .blocks(let format):
            let quantized = QuantizedTensor(dense, as: format)
            blocks = quantized.blocks()
            values = quantized.dequantized().scalars()
            original = Input(shape: [0], dtype: .f32, values: [])
        case .int8:
            blocks = []
            values = QuantizedTensor(int8Rows: dense).dequantized().scalars()
            original = random
        }
    }

    func tensor(on device: Device) -> QuantizedTensor {
        switch format {
        case .blocks(let format):
            QuantizedTensor(bytes: blocks, as: format, rows: rows, columns: columns, on: device)
        case .int8: QuantizedTensor(int8Rows: original.tensor(on: device))
        }
    }
}

/// The error that rounding activations to int8 may leave in a sum: each is off by up to half a step, which is 1/127 of
/// the largest that shares its scale. Independent errors add up as their squares do.
private struct RoundingError {
    private var variance = 0.0

    mutating func add(weight: Float, largest: Float) {
        let step = Double(weight) * Double(largest) / 127
        variance += step * step / 12
    }

    /// Eight standard deviations.
    var allowed: Double { 8 * variance.squareRoot() }
}

/// x (m, k) with a quantised weight (n, k).
struct QuantizedMatmulWorkload: Workload {
    let inputs: [Input]
    private let m, n, k: Int
    private let weight: QuantizedWeight

    init(_ c: Case, _ format: WeightFormat) {
        (m, n, k) = (c["m"], c["n"], c["k"])
        inputs = [.random([m, k], c.dtype, seed: 1)]
        weight = QuantizedWeight(format, rows: n, columns: k)
    }

    func bind(_ x: [Tensor]) -> Run {
        let weight = weight.tensor(on: x[0].device)
        return { [x[0].matmul(transposed: weight)] }
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype, relative: 1)
        check.scan(results[0], "the product")
        for i in sampled(m, 8) {
            let x = inputs[0].values[i * k..<(i + 1) * k]
            let largest = x.reduce(0) { max($0, abs($1)) }
            for j in sampled(n, 16) {
                var (sum, error) = (Sum(), RoundingError())
                for (a, b) in zip(x, weight.values[j * k..<(j + 1) * k]) {
                    sum.add(a, b)
                    error.add(weight: b, largest: largest)
                }
                check.expect(
                    results[0][i * n + j], sum.value,
                    magnitude: error.allowed + 4e-6 * sum.magnitude, at: "element (\(i), \(j))")
            }
        }
        return check
    }
}

/// x (n, h, w, cin) with an int8 weight (cout, k, k, cin / groups), a scale an output channel.
struct QuantizedConvolutionWorkload: Workload {
    let inputs: [Input]
    private let oracle: ConvolutionOracle
    private let weight: QuantizedWeight

    init(_ c: Case, _ format: WeightFormat) {
        oracle = ConvolutionOracle(c)
        inputs = [.random(oracle.inputShape, c.dtype, seed: 1)]
        weight = QuantizedWeight(
            format, rows: oracle.cout,
            columns: oracle.k * oracle.k * oracle.cin / oracle.groups)
    }

    func bind(_ x: [Tensor]) -> Run {
        let weight = weight.tensor(on: x[0].device)
        return {
            [
                x[0].conv2d(
                    weight, kernel: Pair(oracle.k), stride: Pair(oracle.stride),
                    padding: Pair(oracle.pad), groups: oracle.groups)
            ]
        }
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype, relative: 1)
        let x = inputs[0].values
        check.scan(results[0], "y")
        for place in ConvolutionOracle.places(oracle.outputShape) {
            let sum = oracle.output(x, weight.values, place)
            var error = RoundingError()
            let columns = weight.values.count / oracle.cout
            for value in weight.values[place[3] * columns..<(place[3] + 1) * columns] {
                error.add(weight: value, largest: 1)
            }
            let index = zip(place, oracle.outputShape).reduce(0) { $0 * $1.1 + $1.0 }
            check.expect(
                results[0][index], sum.value, magnitude: error.allowed + 4e-6 * sum.magnitude,
                at: "y\(place)")
        }
        return check
    }
}
