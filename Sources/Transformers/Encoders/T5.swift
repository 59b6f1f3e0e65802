public import Networks
public import Tensors

/// T5 (Raffel et al. 2019): an encoder of one text, and a decoder that writes another from it.
///
///     let cache = model.makeCache(slots: 1, capacity: 128, format: .f32)
///     try model.read([tokens], into: [0], of: cache)
///     let logits = model.logits(TokenBatch([model.configuration.startToken]), cache)
public struct T5: Sendable {
    public let configuration: T5Configuration
    public let encoder: T5Encoder
    let decoder: T5Decoder
    let head: Linear?

    /// - Parameter hasHead: whether the output map is one of its own.
    public init(_ scope: ParameterScope, _ c: T5Configuration, hasHead: Bool) {
        configuration = c
        let start = Initializer.normal(deviation: 1)
        let tokens = Embedding(scope["shared"], c.vocabulary, c.channels, start)
        encoder = T5Encoder(scope["encoder"], c, tokens)
        decoder = T5Decoder(scope["decoder"], c, tokens)
        head =
            hasHead
            ? Linear(scope["lm_head"], c.channels, c.vocabulary, bias: false, start) : nil
    }

    /// Logits (rows, V) of the decoder's states (rows, C).
    func logits(_ states: Tensor) -> Tensor {
        let x =
            configuration.scalesOutput
            ? states * (1 / Float(configuration.channels).squareRoot()) : states
        return (head?(x) ?? decoder.tokens.logits(x)).cast(to: .f32)
    }

    /// Logits (N, V) of all tokens of texts that the decoder has before it, each beside the source with its number.
    public func callAsFunction(
        _ texts: PackedTexts, from sources: PackedTexts, trace: ((Tensor) -> Void)? = nil
    ) -> Tensor {
        let states = encoder(sources)
        return logits(decoder(texts, states, of: sources, trace: trace))
    }
}

/// The encoder alone: its states see the whole text.
public struct T5Encoder: Sendable {
    let tokens: Embedding
    let layers: [Layer]
    let bias: RelativeBias
    let norm: RMSNorm

    struct Layer: Sendable {
        let attention: T5Attention
        let attentionNorm: RMSNorm
        let map: T5FeedForward
        let mapNorm: RMSNorm
    }

    init(_ scope: ParameterScope, _ c: T5Configuration, _ tokens: Embedding) {
        self.tokens = tokens
        layers = (0..<c.layers).map { i in
            let block = scope["block"][i]["layer"]
            return Layer(
                attention: T5Attention(block[0]["SelfAttention"], c),
                attentionNorm: RMSNorm(block[0]["layer_norm"], c.channels, epsilon: c.epsilon),
                map: T5FeedForward(block[1]["DenseReluDense"], c),
                mapNorm: RMSNorm(block[1]["layer_norm"], c.channels, epsilon: c.epsilon))
        }
        bias = RelativeBias(
            scope["block"][0]["layer"][0]["SelfAttention"], c, isTwoSided: true)
        norm = RMSNorm(scope["final_layer_norm"], c.channels, epsilon: c.epsilon)
    }

    /// For models that are only an encoder.
    public init(_ scope: ParameterScope, _ c: T5Configuration) {
        let tokens = Embedding(
            scope["shared"], c.vocabulary, c.channels, .normal(deviation: 1))
        self.init(scope["encoder"], c, tokens)
    }

    /// States after the last norm: (N, C). `trace` is shown those before each layer, and these.
    public func callAsFunction(_ texts: PackedTexts, trace: ((Tensor) -> Void)? = nil) -> Tensor {
        var x = tokens(texts.tokens(on: tokens.weight.device))
        var biases: [Int: Tensor] = [:]
        for length in Set(texts.texts.map(\.count)) {
            biases[length] = bias(queries: length, keys: length)
        }
        for layer in layers {
            trace?(x)
            let y = layer.attentionNorm(x)
            let attention = layer.attention
            let seen = texts.eachGroup([attention.q(y), attention.k(y), attention.v(y)]) { parts in
                let heads = parts.map { $0.heads(attention.heads) }
                return heads[0].attention(
                    heads[1], heads[2], mask: biases[parts[0].shape[1]], scale: 1
                ).headsJoined()
            }
            x = x + attention.o(seen)
            x = x + layer.map(layer.mapNorm(x))
        }
        let states = norm(x)
        trace?(states)
        return states
    }
}
