import Tensors

/// The geometry that a convolution and its gradients share, and their elements in double.
struct ConvolutionOracle: Sendable {
    let n, h, w, cin, cout, k, stride, pad, groups, oh, ow: Int

    init(_ c: Case) {
        self.init(
            n: c["n"], h: c["h"], w: c["w"], cin: c["cin"], cout: c["cout"], k: c["k"],
            stride: c["stride"], pad: c["pad"], groups: c["groups"], oh: c.outputHeight,
            ow: c.outputWidth)
    }

    init(
        n: Int, h: Int, w: Int, cin: Int, cout: Int, k: Int, stride: Int, pad: Int, groups: Int,
        oh: Int, ow: Int
    ) {
        (self.n, self.h, self.w, self.cin, self.cout, self.k) = (n, h, w, cin, cout, k)
        (self.stride, self.pad, self.groups, self.oh, self.ow) = (stride, pad, groups, oh, ow)
    }

    var inputShape: [Int] { [n, h, w, cin] }
    var weightShape: [Int] { [cout, k, k, cin / groups] }
    var outputShape: [Int] { [n, oh, ow, cout] }

    private var channels: Int { cin / groups }
    private var filters: Int { cout / groups }

    /// Places (image, row, column, channel) of an array: corners and some between.
    static func places(_ shape: [Int]) -> [[Int]] {
        shape.reduce(into: [[]]) { list, length in
            let wanted = list.count == 1 ? 3 : 4
            list = list.flatMap { place in sampled(length, wanted).map { place + [$0] } }
        }
    }

    private func weightIndex(_ o: Int, _ ky: Int, _ kx: Int, _ c: Int) -> Int {
        ((o * k + ky) * k + kx) * channels + c
    }

    /// y[i, oy, ox, o].
    func output(_ x: [Float], _ weight: [Float], _ p: [Int]) -> Sum {
        var sum = Sum()
        let (i, o) = (p[0], p[3])
        for ky in 0..<k {
            for kx in 0..<k {
                let (y, column) = (p[1] * stride - pad + ky, p[2] * stride - pad + kx)
                guard y >= 0, y < h, column >= 0, column < w else { continue }
                let from = ((i * h + y) * w + column) * cin + o / filters * channels
                let to = weightIndex(o, ky, kx, 0)
                for c in 0..<channels { sum.add(x[from + c], weight[to + c]) }
            }
        }
        return sum
    }

    /// dx[i, y, x, c], the sum over the outputs that it reached.
    func inputGradient(_ g: [Float], _ weight: [Float], _ p: [Int]) -> Sum {
        var sum = Sum()
        let (i, c) = (p[0], p[3])
        let group = c / channels
        for ky in 0..<k {
            for kx in 0..<k {
                let (y, x) = (p[1] + pad - ky, p[2] + pad - kx)
                guard y >= 0, x >= 0, y % stride == 0, x % stride == 0 else { continue }
                let (oy, ox) = (y / stride, x / stride)
                guard oy < oh, ox < ow else { continue }
                let from = ((i * oh + oy) * ow + ox) * cout
                for o in group * filters..<(group + 1) * filters {
                    sum.add(g[from + o], weight[weightIndex(o, ky, kx, c % channels)])
                }
            }
        }
        return sum
    }

    /// dweight[o, ky, kx, c], the sum over all positions.
    func weightGradient(_ x: [Float], _ g: [Float], _ p: [Int]) -> Sum {
        var sum = Sum()
        let (o, ky, kx) = (p[0], p[1], p[2])
        let c = o / filters * channels + p[3]
        for i in 0..<n {
            for oy in 0..<oh {
                let y = oy * stride - pad + ky
                guard y >= 0, y < h else { continue }
                for ox in 0..<ow {
                    let column = ox * stride - pad + kx
                    guard column >= 0, column < w else { continue }
                    sum.add(
                        x[((i * h + y) * w + column) * cin + c],
                        g[((i * oh + oy) * ow + ox) * cout + o])
                }
            }
        }
        return sum
    }
}

extension Check {
    /// Compares the sampled places of one array.
    mutating func expect(
        _ values: [Float], _ shape: [Int], _ name: String, _ oracle: ([Int]) -> Sum
    ) {
        scan(values, name)
        for place in ConvolutionOracle.places(shape) {
            let index = zip(place, shape).reduce(0) { $0 * $1.1 + $1.0 }
            let sum = oracle(place)
            expect(values[index], sum.value, magnitude: sum.magnitude, at: "\(name)\(place)")
        }
    }
}

/// x (n, h, w, cin) with weight (cout, k, k, cin / groups), and the gradients of both.
struct ConvolutionWorkload: Workload {
    let inputs: [Input]
    private let oracle: ConvolutionOracle
    private let backward: Bool

    init(_ c: Case) {
        oracle = ConvolutionOracle(c)
        backward = c.backward
        var list = [
            Input.random(oracle.inputShape, c.dtype, seed: 1),
            Input.random(oracle.weightShape, c.dtype, seed: 2),
        ]
        if backward { list.append(.random(oracle.outputShape, c.dtype, seed: 3)) }
        inputs = list
    }

    private func convolved(_ x: Tensor, _ weight: Tensor) -> Tensor {
        x.conv2d(
            weight, stride: Pair(oracle.stride), padding: Pair(oracle.pad), groups: oracle.groups)
    }

    func bind(_ x: [Tensor]) -> Run {
        guard backward else { return { [convolved(x[0], x[1])] } }
        let leaves = [x[0].tracked, x[1].tracked]
        return {
            let y = convolved(leaves[0], leaves[1])
            return [y.detached] + y.gradients(at: leaves, seed: x[2])
        }
    }

    func kernel(_ x: [Tensor]) -> String {
        x[0].conv2dKernelName(
            x[1], stride: Pair(oracle.stride), padding: Pair(oracle.pad), groups: oracle.groups)
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        let (x, weight) = (inputs[0].values, inputs[1].values)
        check.expect(results[0], oracle.outputShape, "y") { oracle.output(x, weight, $0) }
        guard backward else { return check }
        let g = inputs[2].values
        check.expect(results[1], oracle.inputShape, "dx") { oracle.inputGradient(g, weight, $0) }
        check.expect(results[2], oracle.weightShape, "dweight") { oracle.weightGradient(x, g, $0) }
        return check
    }
}

/// x (n, h, w, cin) with weight (cin, k, k, cout): the input gradient of a convolution from cout to cin channels.
struct TransposedConvolutionWorkload: Workload {
    let inputs: [Input]
    private let oracle: ConvolutionOracle

    init(_ c: Case) {
        oracle = ConvolutionOracle(
            n: c["n"], h: c.outputHeight, w: c.outputWidth, cin: c["cout"], cout: c["cin"],
            k: c["k"],
            stride: c["stride"], pad: c["pad"], groups: 1, oh: c["h"], ow: c["w"])
        inputs = [
            .random(oracle.outputShape, c.dtype, seed: 1),
            .random(oracle.weightShape, c.dtype, seed: 2),
        ]
    }

    func bind(_ x: [Tensor]) -> Run {
        { [x[0].convTranspose2d(x[1], stride: Pair(oracle.stride), padding: Pair(oracle.pad))] }
    }

    func check(_ results: [[Float]]) -> Check {
        var check = Check(inputs[0].dtype)
        check.expect(results[0], oracle.inputShape, "y") {
            oracle.inputGradient(inputs[0].values, inputs[1].values, $0)
        }
        return check
    }
}
