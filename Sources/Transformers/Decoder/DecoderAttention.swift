import Networks
import Tensors

/// Attention of a layer's tokens on their sequences: x (B, T, C) to (B, T, C).
struct DecoderAttention: Sendable {
    let maps: Maps
    let queryNorm: RMSNorm?
    let keyNorm: RMSNorm?
    let output: Linear
    let heads: Int
    let keyHeads: Int
    let headSize: Int
    let style: Style

    /// Where queries, keys and values come from.
    enum Maps: Sendable {
        case separate(query: Linear, key: Linear, value: Linear)
        case joined(Linear)
        case interleaved(Linear)
    }

    /// How a layer's queries look at keys.
    struct Style: Sendable {
        let layer: Int
        let scale: Float
        let softcap: Float?
        let window: Int?
    }

    init(_ scope: ParameterScope, _ c: DecoderConfiguration, _ number: Int) {
        let names = c.names
        (heads, keyHeads, headSize) = (c.heads, c.keyHeads, c.headSize)
        maps = Maps(scope, c)
        var (queryNorm, keyNorm): (RMSNorm?, RMSNorm?) = (nil, nil)
        if c.normsHeads {
            let unitOffset = c.norm == .rms(unitOffset: true)
            queryNorm = RMSNorm(
                scope[names.queryNorm], headSize, epsilon: c.epsilon, unitOffset: unitOffset)
            keyNorm = RMSNorm(
                scope[names.keyNorm], headSize, epsilon: c.epsilon, unitOffset: unitOffset)
        }
        (self.queryNorm, self.keyNorm) = (queryNorm, keyNorm)
        output = scope.map(
            names.attentionOutput, heads * headSize, c.channels, c.biases.attentionOutput, c)
        let scale = c.attentionScale ?? 1 / Float(headSize).squareRoot()
        style = Style(
            layer: number, scale: c.attentionFadesWithDepth ? scale / Float(number + 1) : scale,
            softcap: c.attentionSoftcap, window: c.window(number))
    }

    /// The result, added to `residual` (B, T, C), of all tokens or of the chosen ones.
    func callAsFunction(
        _ x: Tensor, _ pass: DecoderPass, adding residual: Tensor?, of chosen: Tensor? = nil
    ) -> Tensor {
        var (q, k, v) = projections(x)
        if let queryNorm { q = queryNorm(q) }
        if let keyNorm { k = keyNorm(k) }
        let o = pass.attend(q, k, v, style)  // (B, T, H, D)
        var rows = o.reshaped([x.shape[0], x.shape[1], heads * headSize])
        if let chosen { rows = rows.selecting(chosen, axis: 1) }
        return residual.map { output(rows, adding: $0) } ?? output(rows)
    }

    /// q (B, T, H, D), k and v (B, T, K, D).
    private func projections(_ x: Tensor) -> (Tensor, Tensor, Tensor) {
        let rows = Array(x.shape.dropLast())
        func split(_ y: Tensor, _ count: Int) -> Tensor { y.reshaped(rows + [count, headSize]) }
        switch maps {
        case .separate(let query, let key, let value):
            let y = Linear.joint([query, key, value], x)
            return (split(y[0], heads), split(y[1], keyHeads), split(y[2], keyHeads))
        case .joined(let map):
            let parts = split(map(x), heads + 2 * keyHeads)
                .split([heads, keyHeads, keyHeads], axis: 2)
            return (parts[0], parts[1], parts[2])
        case .interleaved(let map):
            let all = map(x).reshaped(rows + [heads, 3, headSize])
            return (all[.rest, 0, .all], all[.rest, 1, .all], all[.rest, 2, .all])
        }
    }
}

extension DecoderAttention.Maps {
    init(_ scope: ParameterScope, _ c: DecoderConfiguration) {
        let (queries, keys) = (c.heads * c.headSize, c.keyHeads * c.headSize)
        func map(_ name: String, _ outputs: Int) -> Linear {
            scope.map(name, c.channels, outputs, c.biases.queryKeyValue, c)
        }
        switch c.queryKeyValue {
        case .separate:
            self = .separate(
                query: map(c.names.query, queries), key: map(c.names.key, keys),
                value: map(c.names.value, keys))
        case .joined: self = .joined(map(c.names.queryKeyValue, queries + 2 * keys))
        case .interleaved: self = .interleaved(map(c.names.queryKeyValue, 3 * queries))
        }
    }
}

extension ParameterScope {
    /// A linear map of a decoder.
    func map(
        _ name: String, _ inputs: Int, _ outputs: Int, _ bias: Bool, _ c: DecoderConfiguration
    ) -> Linear {
        Linear(
            self[name], inputs, outputs, bias: bias, .normal(deviation: 0.02),
            isInputMajor: c.isInputMajor)
    }
}
