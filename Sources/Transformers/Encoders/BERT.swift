public import Networks
public import Tensors

/// An encoder of text as BERT (Devlin et al. 2018) or RoBERTa (Liu et al. 2019): a state for each token, which has seen
/// all tokens of its text.
public struct BERT: Sendable {
    public let configuration: BERTConfiguration
    let embeddings: BERTEmbeddings
    let layers: [BERTLayer]

    public init(_ scope: ParameterScope, _ c: BERTConfiguration) {
        configuration = c
        embeddings = BERTEmbeddings(scope["embeddings"], c)
        layers = (0..<c.layers).map { BERTLayer(scope["encoder"]["layer"][$0], c) }
    }

    /// The last layer's states: (N, C).
    ///
    /// - Parameters:
    ///   - types: of each token, which part of its text it belongs to; 0 unless given.
    ///   - trace: is shown the states before the first layer and after each.
    public func callAsFunction(
        _ texts: PackedTexts, types: [[Int]]? = nil, trace: ((Tensor) -> Void)? = nil
    ) -> Tensor {
        var x = embeddings(texts, types: types)
        trace?(x)
        for layer in layers {
            x = layer(x, texts)
            trace?(x)
        }
        return x
    }
}

/// Tokens, positions and types of parts as vectors, added up and normalised.
struct BERTEmbeddings: Sendable {
    let word: Embedding
    let position: Embedding
    let type: Embedding?
    let norm: LayerNorm
    let configuration: BERTConfiguration

    init(_ scope: ParameterScope, _ c: BERTConfiguration) {
        let start = Initializer.normal(deviation: 0.02)
        word = Embedding(scope["word_embeddings"], c.vocabulary, c.channels, start)
        position = Embedding(scope["position_embeddings"], c.positions, c.channels, start)
        type =
            c.types > 0
            ? Embedding(scope["token_type_embeddings"], c.types, c.channels, start) : nil
        norm = LayerNorm(scope["LayerNorm"], c.channels, epsilon: c.epsilon)
        configuration = c
    }

    /// (N, C)
    func callAsFunction(_ texts: PackedTexts, types: [[Int]]?) -> Tensor {
        let device = word.weight.device
        require(
            texts.texts.allSatisfy { $0.count <= configuration.context },
            "BERT: a text is longer than \(configuration.context) tokens")
        let places = PackedTexts.ids(texts.texts.map(positions), on: device)
        let x = word(texts.tokens(on: device)) + position(places)
        guard let type else { return norm(x) }
        let kinds = types ?? texts.texts.map { $0.map { _ in 0 } }
        return norm(x + type(PackedTexts.ids(kinds, on: device)))
    }

    /// RoBERTa's positions begin behind the padding token's id and pass over padding.
    private func positions(_ text: [Int]) -> [Int] {
        guard let padding = configuration.paddingToken else { return Array(text.indices) }
        var next = padding
        return text.map { token in
            if token == padding { return padding }
            next += 1
            return next
        }
    }
}

/// Attention, then two maps with an activation between; each is added to what came in, and the sum normalised.
struct BERTLayer: Sendable {
    let query, key, value, output: Linear
    let attentionNorm: LayerNorm
    let up, down: Linear
    let norm: LayerNorm
    let heads: Int
    let activation: Activation

    init(_ scope: ParameterScope, _ c: BERTConfiguration) {
        let (attention, start) = (scope["attention"], Initializer.normal(deviation: 0.02))
        func map(_ scope: ParameterScope, _ inputs: Int, _ outputs: Int) -> Linear {
            Linear(scope, inputs, outputs, start)
        }
        query = map(attention["self"]["query"], c.channels, c.channels)
        key = map(attention["self"]["key"], c.channels, c.channels)
        value = map(attention["self"]["value"], c.channels, c.channels)
        output = map(attention["output"]["dense"], c.channels, c.channels)
        attentionNorm = LayerNorm(
            attention["output"]["LayerNorm"], c.channels, epsilon: c.epsilon)
        up = map(scope["intermediate"]["dense"], c.channels, c.inner)
        down = map(scope["output"]["dense"], c.inner, c.channels)
        norm = LayerNorm(scope["output"]["LayerNorm"], c.channels, epsilon: c.epsilon)
        (heads, activation) = (c.heads, c.activation)
    }

    /// x (N, C)
    func callAsFunction(_ x: Tensor, _ texts: PackedTexts) -> Tensor {
        let seen = texts.eachGroup([query(x), key(x), value(x)]) { parts in
            let (q, k, v) = (parts[0].heads(heads), parts[1].heads(heads), parts[2].heads(heads))
            return q.attention(k, v).headsJoined()
        }
        let y = attentionNorm(x + output(seen))
        return norm(y + down(up(y, activation: activation)))
    }
}
