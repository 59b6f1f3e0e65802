/// Chooses the next token from a model's logits: penalties for what was said, filters that narrow the choice, a draw.
///
///     var chain = SamplerChain(settings)
///     let token = chain.next(logits, after: tokens)
///
/// The n-th draw of a seed is the same whatever else is drawn, so that a text depends on its seed and its prompt alone.
public struct SamplerChain: Sendable {
    let penalties: [LogitPenalty]
    let filters: [LogitFilter]
    private let mirostat: Mirostat?
    /// Of the surprise, which mirostat moves.
    private(set) var limit: Float
    private let random: Philox
    private var drawn: UInt64 = 0

    public init(_ settings: SamplerSettings) {
        self.init(settings.penalties, settings.filters, seed: settings.seed, settings.mirostat)
    }

    /// Any penalties and filters.
    public init(
        _ penalties: [LogitPenalty], _ filters: [LogitFilter], seed: UInt64 = 0,
        _ mirostat: Mirostat? = nil
    ) {
        (self.penalties, self.filters, self.mirostat) = (penalties, filters, mirostat)
        limit = 2 * (mirostat?.tau ?? 0)
        random = Philox(seed: seed)
    }

    /// The next token; nil if no logit is a number.
    public mutating func next(_ logits: [Float], after tokens: [Int]) -> Int? {
        let logits = penalized(logits, after: tokens)
        if case .temperature(let t) = filters.first, t <= 0 {
            return largest(of: logits)
        }
        let candidates = candidates(logits)
        defer { drawn += 1 }
        let place = random.unit(drawn)
        if let mirostat { return mirostat.draw(candidates, limit: &limit, place) }
        return candidates.drawn(place)
    }

    /// The probability of every token: (V).
    public func probabilities(_ logits: [Float], after tokens: [Int]) -> [Float] {
        let candidates = candidates(penalized(logits, after: tokens))
        let weights = candidates.weights
        let sum = Float(weights.reduce(0) { $0 + Double($1) })
        var result = [Float](repeating: 0, count: logits.count)
        for (candidate, weight) in zip(candidates.all, weights) {
            result[Int(candidate.token)] = weight / sum
        }
        return result
    }

    private func penalized(_ logits: [Float], after tokens: [Int]) -> [Float] {
        penalties.reduce(into: logits) { $1.apply(to: &$0, after: tokens) }
    }

    private func candidates(_ logits: [Float]) -> Candidates {
        var (candidates, rest) = start(logits)
        for filter in rest { filter.apply(to: &candidates) }
        return candidates
    }

    /// A limit on the number of tokens that comes first spares the list of all.
    private func start(_ logits: [Float]) -> (Candidates, ArraySlice<LogitFilter>) {
        if case .topK(let count) = filters.first, count > 0, count < logits.count {
            return (Candidates(logits, top: count), filters.dropFirst())
        }
        return (Candidates(logits), filters[...])
    }
}
