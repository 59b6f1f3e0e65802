public import Networks
public import Tensors

/// The sizes of a GPT.
public struct GPTConfiguration: Sendable, Hashable, Codable {
    /// How blocks are built: layer norm, learned positions and GELU, or RMS norm, turned positions and SwiGLU.
    public enum Style: String, Sendable, Codable { case gpt2, llama }

    public var style = Style.gpt2
    public var vocabulary = 256
    /// The most tokens it sees.
    public var context = 64
    public var channels = 128
    public var layers = 4
    public var heads = 4
    /// Heads of keys and values, shared by groups of the others; nil: as many.
    public var keyHeads: Int?
    public var dropout: Float = 0
    /// Whether the output map is the token table.
    public var tied = true
    /// Whether the linear maps and norms have biases.
    public var bias = true

    /// The width within a block's map: four times the channels; with a gate, as many parameters in three maps.
    var hidden: Int { style == .gpt2 ? 4 * channels : (8 * channels / 3 + 31) / 32 * 32 }

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
    /// Nil where queries and keys turn by their positions.
    let wpe: Embedding?
    let drop: Dropout
    let blocks: [GPTBlock]
    let norm: BlockNorm
    let head: Linear?

    public init(_ scope: ParameterScope, _ c: GPTConfiguration) {
        configuration = c
        let start = Initializer.normal(deviation: 0.02)
        wte = Embedding(scope["wte"], c.vocabulary, c.channels, start)
        wpe = c.style == .gpt2 ? Embedding(scope["wpe"], c.context, c.channels, start) : nil
        drop = Dropout(scope["drop"], c.dropout)
        blocks = (0..<c.layers).map { GPTBlock(scope["h"][$0], c) }
        norm = BlockNorm(scope["ln_f"], c)
        head =
            c.tied
            ? nil : Linear(scope["lm_head"], c.channels, c.vocabulary, bias: false, start)
    }

    /// Logits (B, T, V) in the context's float type.
    public func callAsFunction(_ tokens: Tensor, _ context: Context = .evaluation) -> Tensor {
        logits(states(tokens, context))
    }

    private func logits(_ states: Tensor) -> Tensor { head?(states) ?? wte.logits(states) }

    /// What the blocks make of the tokens, after the last norm: (B, T, C).
    public func states(_ tokens: Tensor, _ context: Context = .evaluation) -> Tensor {
        let length = tokens.shape[tokens.rank - 1]
        require(
            tokens.rank == 2 && length <= configuration.context,
            "GPT: tokens of shape \(tokens.shape) for a context of \(configuration.context)")
        return norm(blocks.reduce(embedded(tokens, from: 0, context)) { $1($0, context) })
    }

    /// Tokens (B, T), the first of them at a position.
    private func embedded(_ tokens: Tensor, from position: Int, _ context: Context) -> Tensor {
        let x = wte(tokens, context)
        guard let wpe else { return drop(x, context) }
        let positions = Tensor.arange(
            tokens.shape[1], start: Double(position), dtype: .i32, on: tokens.device)
        return drop(x + wpe(positions, context), context)
    }

    /// What the layers keep of the tokens that they have seen.
    public struct Memory: Sendable {
        fileprivate var layers: [SelfAttention.Memory]
        /// Tokens seen.
        public var count: Int { layers.first?.count ?? 0 }
    }

    public var emptyMemory: Memory { Memory(layers: blocks.map { _ in SelfAttention.Memory() }) }

    /// The logits (B, V) of what follows tokens (B, T) that follow those in the memory, which then holds them too.
    public func logits(after tokens: Tensor, _ memory: inout Memory) -> Tensor {
        var x = embedded(tokens, from: memory.count, .evaluation)
        for i in blocks.indices { x = blocks[i](x, &memory.layers[i]) }
        let last = norm(x).narrowed(1, start: x.shape[1] - 1, count: 1)
        return logits(last).flattened(0, 1).cast(to: .f32)
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
    let ln1: BlockNorm
    let attention: SelfAttention
    let ln2: BlockNorm
    /// By whose SiLU the map's values are multiplied; nil: they go through GELU.
    let gate: Linear?
    let fc: Linear
    let proj: Linear
    let drop1: Dropout
    let drop2: Dropout

    init(_ scope: ParameterScope, _ c: GPTConfiguration) {
        let start = Initializer.normal(deviation: 0.02)
        // Each of the 2 · layers additions to the stream starts smaller, so that their sum does not grow.
        let output = Initializer.normal(deviation: 0.02 / Float(2 * c.layers).squareRoot())
        ln1 = BlockNorm(scope["ln_1"], c)
        attention = SelfAttention(
            scope["attn"], channels: c.channels, heads: c.heads, keyHeads: c.keyHeads,
            rope: c.style == .llama ? SelfAttention.Rotation() : nil, bias: c.bias, start,
            output: output)
        ln2 = BlockNorm(scope["ln_2"], c)
        func map(_ name: String) -> Linear {
            Linear(scope["mlp"][name], c.channels, c.hidden, bias: c.bias, start)
        }
        gate = c.style == .llama ? map("gate") : nil
        fc = map("fc")
        proj = Linear(scope["mlp"]["proj"], c.hidden, c.channels, bias: c.bias, output)
        drop1 = Dropout(scope["attn"]["drop"], c.dropout)
        drop2 = Dropout(scope["mlp"]["drop"], c.dropout)
    }

    func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
        mapped(x + drop1(attention(ln1(x)), context), context)
    }

    func callAsFunction(_ x: Tensor, _ memory: inout SelfAttention.Memory) -> Tensor {
        mapped(x + attention(ln1(x), &memory), .evaluation)
    }

    private func mapped(_ x: Tensor, _ context: Context) -> Tensor {
        let y = ln2(x)
        let h = gate.map { $0(y).swiglu(fc(y)) } ?? fc(y, activation: .geluTanh)
        return x + drop2(proj(h), context)
    }
}

/// The norm of a style: over mean and variance, or over the mean square alone.
enum BlockNorm: Sendable {
    case layer(LayerNorm)
    case rootMeanSquare(RMSNorm)

    init(_ scope: ParameterScope, _ c: GPTConfiguration) {
        self =
            c.style == .gpt2
            ? .layer(LayerNorm(scope, c.channels, bias: c.bias))
            : .rootMeanSquare(RMSNorm(scope, c.channels, epsilon: 1e-5))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .layer(let norm): norm(x)
        case .rootMeanSquare(let norm): norm(x)
        }
    }
}
