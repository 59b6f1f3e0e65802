import Tensors

/// q (b, h, tq, d), k and v (b, hkv, tk, d), and the gradients of all three.
struct AttentionWorkload: Workload {
    let inputs: [Input]
    private let b, h, hkv, tq, tk, d: Int
    private let causal, backward: Bool

    init(_ c: Case) {
        (b, h, hkv, tq, tk, d) = (c["b"], c["h"], c["hkv"], c["tq"], c["tk"], c["d"])
        (causal, backward) = (c["causal"] == 1, c.backward)
        var list = [
            Input.random([b, h, tq, d], c.dtype, scale: 4, seed: 1),
            Input.random([b, hkv, tk, d], c.dtype, seed: 2),
            Input.random([b, hkv, tk, d], c.dtype, seed: 3),
        ]
        if backward { list.append(.random([b, h, tq, d], c.dtype, seed: 4)) }
        inputs = list
    }

    func bind(_ x: [Tensor]) -> Run {
        let mode = causal ? Causality.topLeft : .none
        guard backward else { return { [x[0].attention(x[1], x[2], causal: mode)] } }
        let leaves = x.prefix(3).map(\.tracked)
        return {
            let o = leaves[0].attention(leaves[1], leaves[2], causal: mode)
            return [o.detached] + o.gradients(at: leaves, seed: x[3])
        }
    }

    func kernel(_ x: [Tensor]) -> String {
        x[0].attentionKernelName(x[1], x[2], causal: causal)
    }

    func check(_ results: [[Float]]) -> Check {
        let type = inputs[0].dtype
        // Probabilities of narrow types may be rounded before they meet the values.
        var check = Check(type, relative: type == .f32 ? 1e-5 : type == .bf16 ? 0x1p-7 : 0x1p-9)
        for (values, name) in zip(results, ["o", "dq", "dk", "dv"]) { check.scan(values, name) }
        for entry in sampled(b * h, 4) {
            for i in sampled(tq, 6) { checkOutput(entry, i, results[0], &check) }
        }
        if backward {
            for entry in sampled(b * h, 4) {
                for i in sampled(tq, 4) { checkQueryGradient(entry, i, results[1], &check) }
            }
            for entry in sampled(b * hkv, 2) {
                checkKeyGradients(entry, results[2], results[3], &check)
            }
        }
        return check
    }
}

// MARK: the oracle

extension AttentionWorkload {
    private func visible(_ i: Int) -> Int { causal ? min(tk, i + 1) : tk }

    /// The first element of the key head that a query head (b · h of them) uses.
    private func keys(_ entry: Int) -> Int {
        (entry / h * hkv + entry % h / (h / hkv)) * tk * d
    }

    private func dot(_ a: [Float], _ from: Int, _ b: [Float], _ to: Int) -> Double {
        var sum = 0.0
        for e in 0..<d { sum += Double(a[from + e]) * Double(b[to + e]) }
        return sum
    }

    /// Row i of the probabilities of a query head.
    private func probabilities(_ entry: Int, _ i: Int) -> [Double] {
        let scale = 1 / Double(d).squareRoot()
        let (query, key) = ((entry * tq + i) * d, keys(entry))
        let scores = (0..<visible(i)).map {
            scale * dot(inputs[0].values, query, inputs[1].values, key + $0 * d)
        }
        let highest = scores.max() ?? 0
        let powers = scores.map { exponential($0 - highest) }
        let total = powers.reduce(0, +)
        return powers.map { $0 / total }
    }

    /// Row i of the scores' gradient, and its probabilities.
    private func scoreGradient(_ entry: Int, _ i: Int) -> (p: [Double], ds: [Double]) {
        let p = probabilities(entry, i)
        let (from, value) = ((entry * tq + i) * d, keys(entry))
        let dp = p.indices.map { dot(inputs[3].values, from, inputs[2].values, value + $0 * d) }
        let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
        return (p, zip(p, dp).map { $0 * ($1 - mean) })
    }

    private func checkOutput(_ entry: Int, _ i: Int, _ o: [Float], _ check: inout Check) {
        let p = probabilities(entry, i)
        for e in sampled(d, 8) {
            var sum = Sum()
            for (j, weight) in p.enumerated() {
                sum.add(weight * Double(inputs[2].values[keys(entry) + j * d + e]))
            }
            check.expect(
                o[(entry * tq + i) * d + e], sum.value, magnitude: sum.magnitude,
                at: "o of head \(entry), query \(i), channel \(e)")
        }
    }

    private func checkQueryGradient(_ entry: Int, _ i: Int, _ dq: [Float], _ check: inout Check) {
        let scale = 1 / Double(d).squareRoot()
        let ds = scoreGradient(entry, i).ds
        for e in sampled(d, 4) {
            var sum = Sum()
            for (j, slope) in ds.enumerated() {
                sum.add(scale * slope * Double(inputs[1].values[keys(entry) + j * d + e]))
            }
            check.expect(
                dq[(entry * tq + i) * d + e], sum.value, magnitude: 4 * sum.magnitude + scale,
                at: "dq of head \(entry), query \(i), channel \(e)")
        }
    }

    /// Sums over all queries of all heads that share the key head.
    private func checkKeyGradients(_ head: Int, _ dk: [Float], _ dv: [Float], _ check: inout Check)
    {
        let chosen = sampled(tk, 4)
        let channels = sampled(d, 4)
        var sums = [[Sum]](repeating: [Sum](repeating: Sum(), count: 8), count: chosen.count)
        let scale = 1 / Double(d).squareRoot()
        let group = h / hkv
        for member in 0..<group {
            let entry = head / hkv * h + head % hkv * group + member
            for i in 0..<tq {
                let (p, ds) = scoreGradient(entry, i)
                let row = (entry * tq + i) * d
                for (place, j) in chosen.enumerated() where j < p.count {
                    for (slot, e) in channels.enumerated() {
                        sums[place][slot].add(scale * ds[j] * Double(inputs[0].values[row + e]))
                        sums[place][4 + slot].add(p[j] * Double(inputs[3].values[row + e]))
                    }
                }
            }
        }
        for (place, j) in chosen.enumerated() {
            for (slot, e) in channels.enumerated() {
                let (key, value) = (sums[place][slot], sums[place][4 + slot])
                let index = (head * tk + j) * d + e
                check.expect(
                    dk[index], key.value, magnitude: 4 * key.magnitude + scale,
                    at: "dk of head \(head), key \(j), channel \(e)")
                check.expect(
                    dv[index], value.value, magnitude: value.magnitude + 1,
                    at: "dv of head \(head), key \(j), channel \(e)")
            }
        }
    }
}
