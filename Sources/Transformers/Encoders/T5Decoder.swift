import Networks
import Tensors

/// T5's decoder: its tokens see those before them, and all states of the source.
struct T5Decoder: Sendable {
    let tokens: Embedding
    let layers: [Layer]
    let bias: RelativeBias
    let norm: RMSNorm

    struct Layer: Sendable {
        let attention, cross: T5Attention
        let attentionNorm, crossNorm, mapNorm: RMSNorm
        let map: T5FeedForward
    }

    init(_ scope: ParameterScope, _ c: T5Configuration, _ tokens: Embedding) {
        self.tokens = tokens
        layers = (0..<c.decoderLayers).map { i in
            let block = scope["block"][i]["layer"]
            func norm(_ part: Int) -> RMSNorm {
                RMSNorm(block[part]["layer_norm"], c.channels, epsilon: c.epsilon)
            }
            return Layer(
                attention: T5Attention(block[0]["SelfAttention"], c),
                cross: T5Attention(block[1]["EncDecAttention"], c),
                attentionNorm: norm(0), crossNorm: norm(1), mapNorm: norm(2),
                map: T5FeedForward(block[2]["DenseReluDense"], c))
        }
        bias = RelativeBias(
            scope["block"][0]["layer"][0]["SelfAttention"], c, isTwoSided: false)
        norm = RMSNorm(scope["final_layer_norm"], c.channels, epsilon: c.epsilon)
    }

    /// States (N, C) after the last norm, for a run of tokens of each text. `trace` is shown those before each layer, and these.
    ///
    /// - Parameter memory: of a text and layer, the keys and values of its own tokens (with these new ones (T, H D) at their end)
    ///   and of the source's states.
    func callAsFunction(
        _ texts: PackedTexts, memory: (_ text: Int, _ layer: Int, _ own: KeysAndValues) -> Memory,
        trace: ((Tensor) -> Void)? = nil
    ) -> Tensor {
        var x = tokens(texts.tokens(on: tokens.weight.device))
        var biases: [[Int]: Tensor] = [:]
        for (i, layer) in layers.enumerated() {
            trace?(x)
            var memories: [Memory] = []
            let y = layer.attentionNorm(x)
            let (q, k, v) = (layer.attention.q(y), layer.attention.k(y), layer.attention.v(y))
            let seen = texts.eachText([q, k, v]) { text, parts in
                let own = parts[1...].map {
                    $0.expandingAxis(0).heads(layer.attention.heads).contiguous()
                }
                let all = memory(text, i, KeysAndValues(keys: own[0], values: own[1]))
                memories.append(all)
                let sizes = [parts[0].shape[0], all.own.keys.shape[2]]
                let added = biases[sizes] ?? bias(queries: sizes[0], keys: sizes[1])
                biases[sizes] = added
                return layer.attention.seen(parts[0], all.own, bias: added, causal: .bottomRight)
            }
            x = x + layer.attention.o(seen)
            let queries = layer.cross.q(layer.crossNorm(x))
            x =
                x
                + layer.cross.o(
                    texts.eachText([queries]) { text, parts in
                        layer.cross.seen(parts[0], memories[text].source, bias: nil)
                    })
            x = x + layer.map(layer.mapNorm(x))
        }
        let states = norm(x)
        trace?(states)
        return states
    }

    /// What a text's tokens see in a layer.
    struct Memory {
        var own, source: KeysAndValues
    }

    /// As above for whole texts, without a cache: states (S, C) of the sources, side by side.
    func callAsFunction(
        _ texts: PackedTexts, _ states: Tensor, of sources: PackedTexts,
        trace: ((Tensor) -> Void)? = nil
    ) -> Tensor {
        let starts = sources.places(last: false)
        return self(
            texts,
            memory: { text, layer, own in
                let rows = states.narrowed(
                    0, start: starts[text], count: sources.texts[text].count)
                return Memory(own: own, source: layers[layer].cross.memory(of: rows))
            }, trace: trace)
    }
}

extension PackedTexts {
    /// Runs a body on each text's rows of some tensors (N, C), and puts its results one behind the other.
    func eachText(_ inputs: [Tensor], _ body: (Int, [Tensor]) -> Tensor) -> Tensor {
        let starts = places(last: false)
        let results = texts.indices.map { text in
            body(
                text,
                inputs.map { $0.narrowed(0, start: starts[text], count: texts[text].count) })
        }
        return results.count == 1 ? results[0] : Tensor.concatenated(results)
    }
}
