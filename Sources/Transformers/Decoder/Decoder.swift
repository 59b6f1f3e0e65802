public import Networks
public import Tensors

/// A language model of any family: embedding, layers of attention and MLP, a norm, and logits. What a family does its own
/// way is a switch of the configuration.
///
/// Without a cache it sees batches (B, T), for training; with one, the tokens of several sequences side by side as one row
/// of tokens (1, N), each with the keys and values that its slot holds.
public struct Decoder: LanguageModel {
    public let configuration: DecoderConfiguration
    let embedding: Embedding
    /// (context, C)
    let positions: Embedding?
    let layers: [DecoderLayer]
    let norm: DecoderNorm
    /// None where the embedding's table serves.
    let head: Linear?

    public init(_ scope: ParameterScope, _ c: DecoderConfiguration) {
        let start = Initializer.normal(deviation: 0.02)
        configuration = c
        embedding = Embedding(scope[c.names.embedding], c.vocabulary, c.channels, start)
        var table: Embedding?
        if case .learned = c.positions {
            table = Embedding(scope[c.names.positions], c.context, c.channels, start)
        }
        positions = table
        layers = (0..<c.layers).map { DecoderLayer(scope[c.names.layers][$0], c, $0) }
        norm = DecoderNorm(scope[c.names.norm], c)
        head =
            c.isTied
            ? nil
            : Linear(scope[c.names.head], c.channels, c.vocabulary, bias: c.biases.head, start)
    }

    public var vocabulary: Int { configuration.vocabulary }
    public var context: Int { configuration.context }
    public var device: Device { embedding.weight.device }

    /// Logits (B, T, V) of tokens (B, T) i32; every row is a sequence of its own.
    ///
    /// - Parameter trace: is shown what enters the first layer, the residual stream after each, and the last norm's result
    ///   instead of the last.
    public func callAsFunction(_ tokens: Tensor, trace: ((Tensor) -> Void)? = nil) -> Tensor {
        require(
            tokens.rank == 2 && (positions == nil || tokens.shape[1] <= context),
            "Decoder: tokens of shape \(tokens.shape), not (B, T) with T up to \(context)")
        let pass = DecoderPass(tokens, configuration)
        return logits(norm(states(pass, trace), trace))
    }

    /// The states (B, T, C) behind the last norm.
    func states(_ tokens: Tensor) -> Tensor {
        norm(states(DecoderPass(tokens, configuration), nil))
    }

    public func logits(_ batch: TokenBatch, _ cache: any KeyValueCache) -> Tensor {
        guard let cache = cache as? DecoderCache else { mistake("Decoder: another model's cache") }
        return noGrad {
            let pass = DecoderPass(batch, cache, configuration, on: device)
            let wanted = Tensor(batch.wantedRows.map { Int32($0) }, on: device)
            let x = states(pass, nil, of: wanted)  // (1, rows, C)
            cache.advance(pass.runs)
            return logits(norm(x, nil)).squeezed(0)
        }
    }

    public func makeCache(slots: Int, capacity: Int, format: CacheFormat) -> any KeyValueCache {
        DecoderCache(
            configuration, slots: slots, capacity: capacity, format: format, on: device)
    }

    /// The residual stream (B, T, C) behind the last layer, of all tokens or of the chosen ones.
    private func states(
        _ pass: DecoderPass, _ trace: ((Tensor) -> Void)?, of chosen: Tensor? = nil
    ) -> Tensor {
        var x = embedding(pass.tokens)
        if let scale = configuration.embeddingScale { x = x * scale }
        if let positions { x = x + positions(pass.positions) }
        for (i, layer) in layers.enumerated() {
            trace?(x)
            x = layer(x, pass, of: i == layers.count - 1 ? chosen : nil)
        }
        return x
    }

    private func norm(_ x: Tensor, _ trace: ((Tensor) -> Void)?) -> Tensor {
        let y = norm(x)
        trace?(y)
        return y
    }

    /// (…, C) to (…, V), f32.
    private func logits(_ x: Tensor) -> Tensor {
        let y = (head.map { $0(x) } ?? embedding.logits(x)).cast(to: .f32)
        guard let cap = configuration.logitSoftcap else { return y }
        return tanh(y / cap) * cap
    }
}

extension TokenBatch {
    /// Among the tokens of all runs, those whose logits are wanted.
    var wantedRows: [Int] {
        var start = 0
        return runs.flatMap { run -> Range<Int> in
            let rows = start..<start + run.tokens.count
            start = rows.upperBound
            switch run.wanted {
            case .none: return rows.upperBound..<rows.upperBound
            case .last: return rows.suffix(1)
            case .all: return rows
            }
        }
    }
}
