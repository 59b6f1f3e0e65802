public import Networks
public import Tensors

/// The sizes of a GPT.
public struct GPTConfiguration: Sendable, Hashable, Codable {
    public var vocabulary = 256
    /// The most tokens it sees.
    public var context = 64
    public var channels = 128
    public var layers = 4
    public var heads = 4
    public var dropout: Float = 0
    /// Whether the output map is the token table.
    public var tied = true
    /// Whether the linear maps and norms have biases.
    public var bias = true

    public init(
        vocabulary: Int = 256, context: Int = 64, channels: Int = 128, layers: Int = 4,
        heads: Int = 4, dropout: Float = 0, tied: Bool = true, bias: Bool = true
    ) {
        (self.vocabulary, self.context, self.channels) = (vocabulary, context, channels)
        (self.layers, self.heads, self.dropout) = (layers, heads, dropout)
        (self.tied, self.bias) = (tied, bias)
    }
}

/// A decoder of tokens as in GPT-2 (Radford et al. 2019): tokens (B, T) i32 to logits (B, T, V).
///
///     let model = GPT(store.scope, GPTConfiguration(vocabulary: 65))
///     let loss = model.loss(tokens, context)              // tokens (B, T + 1)
public struct GPT: Sendable {
    public let configuration: GPTConfiguration
    let wte: Embedding
    let wpe: Embedding
    let drop: Dropout
    let blocks: [GPTBlock]
    let norm: LayerNorm
    let head: Linear?

    public init(_ scope: ParameterScope, _ c: GPTConfiguration) {
        configuration = c
        let start = Initializer.normal(deviation: 0.02)
        wte = Embedding(scope["wte"], c.vocabulary, c.channels, start)
        wpe = Embedding(scope["wpe"], c.context, c.channels, start)
        drop = Dropout(scope["drop"], c.dropout)
        blocks = (0..<c.layers).map { GPTBlock(scope["h"][$0], c) }
        norm = LayerNorm(scope["ln_f"], c.channels, bias: c.bias)
        head =
            c.tied
            ? nil : Linear(scope["lm_head"], c.channels, c.vocabulary, bias: false, start)
    }

    /// Logits (B, T, V) in the context's float type.
    public func callAsFunction(_ tokens: Tensor, _ context: Context = .evaluation) -> Tensor {
        logits(states(tokens, context))
    }

    private func logits(_ states: Tensor) -> Tensor { head?(states) ?? wte.logits(states) }

    /// The logits (V) of what follows one sequence, from its states (1, T, C).
    func logits(ofLast states: Tensor) -> Tensor {
        logits(states.narrowed(1, start: states.shape[1] - 1, count: 1)).flattened()
            .cast(to: .f32)
    }

    /// What the blocks make of the tokens, after the last norm: (B, T, C).
    public func states(_ tokens: Tensor, _ context: Context = .evaluation) -> Tensor {
        let length = tokens.shape[tokens.rank - 1]
        require(
            tokens.rank == 2 && length <= configuration.context,
            "GPT: tokens of shape \(tokens.shape) for a context of \(configuration.context)")
        let positions = Tensor.arange(length, dtype: .i32, on: tokens.device)
        let x = drop(wte(tokens, context) + wpe(positions, context), context)
        return norm(blocks.reduce(x) { $1($0, context) })
    }

    /// The mean cross entropy of each token from those before it: tokens (B, T + 1).
    public func loss(_ tokens: Tensor, _ context: Context = .evaluation) -> Tensor {
        let length = tokens.shape[1] - 1
        let logits = self(tokens.narrowed(1, start: 0, count: length), context)
        let targets = tokens.narrowed(1, start: 1, count: length)
        return logits.flattened(0, 1).crossEntropy(targets.reshaped([targets.count]))
    }
}

/// Attention, then a map to four times the width and back, each on a norm and added to what came in.
struct GPTBlock: Sendable {
    let ln1: LayerNorm
    let attention: SelfAttention
    let ln2: LayerNorm
    let fc: Linear
    let proj: Linear
    let drop1: Dropout
    let drop2: Dropout

    init(_ scope: ParameterScope, _ c: GPTConfiguration) {
        let start = Initializer.normal(deviation: 0.02)
        // Each of the 2 · layers additions to the stream starts smaller, so that their sum does not grow.
        let output = Initializer.normal(deviation: 0.02 / Float(2 * c.layers).squareRoot())
        ln1 = LayerNorm(scope["ln_1"], c.channels, bias: c.bias)
        attention = SelfAttention(
            scope["attn"], channels: c.channels, heads: c.heads, bias: c.bias, start,
            output: output)
        ln2 = LayerNorm(scope["ln_2"], c.channels, bias: c.bias)
        fc = Linear(scope["mlp"]["fc"], c.channels, 4 * c.channels, bias: c.bias, start)
        proj = Linear(scope["mlp"]["proj"], 4 * c.channels, c.channels, bias: c.bias, output)
        drop1 = Dropout(scope["attn"]["drop"], c.dropout)
        drop2 = Dropout(scope["mlp"]["drop"], c.dropout)
    }

    func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
        let x = x + drop1(attention(ln1(x)), context)
        return x + drop2(proj(fc(ln2(x), activation: .geluTanh)), context)
    }
}
