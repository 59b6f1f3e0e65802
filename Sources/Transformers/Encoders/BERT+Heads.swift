public import Networks
public import Tensors

/// What pre-training's classifier sees of a text: a map of its first token's state, squashed.
public struct BERTPooler: Sendable {
    let dense: Linear

    public init(_ scope: ParameterScope, _ c: BERTConfiguration) {
        dense = Linear(scope["dense"], c.channels, c.channels, .normal(deviation: 0.02))
    }

    /// States (N, C) to (texts, C).
    public func callAsFunction(_ states: Tensor, of texts: PackedTexts) -> Tensor {
        tanh(dense(texts.firstStates(states)))
    }
}

/// Which token stands in each place: the head for the words that pre-training masks.
public struct MaskedTokenHead: Sendable {
    let dense: Linear
    let norm: LayerNorm
    let bias: Parameter?
    /// Instead of the token table and the bias.
    let decoder: Linear?
    let activation: Activation

    /// - Parameter names: how the checkpoint calls the parts.
    public init(_ scope: ParameterScope, _ c: BERTConfiguration, _ names: Names) {
        dense = Linear(scope[names.dense], c.channels, c.channels, .normal(deviation: 0.02))
        norm = LayerNorm(scope[names.norm], c.channels, epsilon: c.epsilon)
        let start = Initializer.normal(deviation: 0.02)
        bias = c.isTied ? scope.parameter("bias", [c.vocabulary], .zeros) : nil
        decoder = c.isTied ? nil : Linear(scope["decoder"], c.channels, c.vocabulary, start)
        activation = c.activation
    }

    /// BERT's parts stand below `cls.predictions`, RoBERTa's below `lm_head`.
    public struct Names: Sendable {
        let dense, norm: String
        public static let bert = Names(dense: "transform.dense", norm: "transform.LayerNorm")
        public static let roberta = Names(dense: "dense", norm: "layer_norm")
    }

    /// States (N, C) to logits (N, V), by the token table unless the head has one of its own.
    public func callAsFunction(_ states: Tensor, _ model: BERT) -> Tensor {
        let x = norm(dense(states, activation: activation))
        let logits = decoder.map { $0(x) } ?? model.embeddings.word.logits(x)
        return bias.map { logits + $0.value } ?? logits
    }
}

/// Which class a text has, or each of its tokens.
public struct BERTClassifier: Sendable {
    public let subject: Subject
    /// RoBERTa's own, instead of the pooler: a map of the first token's state, squashed.
    let dense: Linear?
    let output: Linear

    /// What is put into classes.
    public enum Subject: Sendable { case texts, tokens }

    /// - Parameter classes: how many there are.
    init(_ scope: ParameterScope, _ c: BERTConfiguration, classes: Int, _ style: Style) {
        let start = Initializer.normal(deviation: 0.02)
        dense =
            style == .squashedTexts ? Linear(scope["dense"], c.channels, c.channels, start) : nil
        output = Linear(
            style == .squashedTexts ? scope["out_proj"] : scope, c.channels, classes, start)
        subject = style == .tokens ? .tokens : .texts
    }

    /// How a checkpoint's classifier is built: on the pooler, on the first state, or on every state.
    enum Style: Sendable { case pooledTexts, squashedTexts, tokens }

    /// States (N, C) to logits: (texts, classes), or (N, classes) of tokens.
    public func callAsFunction(_ states: Tensor, of texts: PackedTexts, pooler: BERTPooler?)
        -> Tensor
    {
        guard subject == .texts else { return output(states) }
        if let pooler, dense == nil { return output(pooler(states, of: texts)) }
        let first = texts.firstStates(states)
        return output(dense.map { tanh($0(first)) } ?? first)
    }
}

extension PackedTexts {
    /// Of states (N, C), those of each text's first token: (texts, C).
    func firstStates(_ states: Tensor) -> Tensor {
        states.selecting(PackedTexts.ids([places(last: false)], on: states.device))
    }
}
