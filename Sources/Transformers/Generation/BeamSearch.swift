import Tensors

/// Looks for the likeliest continuation as a whole: keeps several beginnings and goes on with the best of them.
///
///     let found = BeamSearch(beams: 4, newTokens: 24, ends: [2])(prompt, with: model)
///     found[0].tokens
///
/// A continuation that ends is kept if it is among the best `beams` of its step; the search is over when that many are
/// kept and no running one has a better score, the sum of log-probabilities by the number of tokens.
public struct BeamSearch: Sendable {
    /// How many beginnings are followed.
    public var beams: Int
    /// The most tokens of a continuation; those of that length count as ended.
    public var newTokens: Int
    /// The tokens that end a continuation.
    public var ends: Set<Int>

    public init(beams: Int = 4, newTokens: Int, ends: Set<Int> = []) {
        require(beams > 0 && newTokens > 0, "BeamSearch: \(beams) beams, \(newTokens) tokens")
        (self.beams, self.newTokens, self.ends) = (beams, newTokens, ends)
    }

    /// The best continuations, the best first. `onStep` hears how many tokens the search has gone.
    public func callAsFunction(
        _ prompt: [Int], with model: any LanguageModel, format: CacheFormat = .f32,
        onStep: (Int) -> Void = { _ in }
    ) -> [Beam] {
        let cache = model.makeCache(
            slots: beams, capacity: prompt.count + newTokens, format: format)
        var batch = TokenBatch(prompt)
        var running = [Beam(tokens: [], sum: 0, slot: 0)]
        var kept: [Beam] = []
        for step in 1...newTokens {
            let found = continuations(of: running, model.logits(batch, cache))
            let ended = found.filter { step == newTokens || ends.contains($0.tokens[step - 1]) }
            kept += ended.filter { found.prefix(beams).contains($0) }
            kept = Array(kept.stablySorted { $0.score > $1.score }.prefix(beams))
            running = Array(found.filter { !ended.contains($0) }.prefix(beams))
            onStep(step)
            guard let best = running.first else { break }
            if kept.count == beams, best.score <= kept[beams - 1].score { break }
            take(slots: cache, &running)
            batch = TokenBatch(
                running.map { TokenBatch.Run([$0.tokens[step - 1]], slot: $0.slot) })
        }
        return kept
    }

    /// The best continuations by one token: enough that `beams` of them do not end.
    private func continuations(of running: [Beam], _ logits: Tensor) -> [Beam] {
        let count = max(2, 1 + ends.count) * beams
        let vocabulary = logits.shape[1]
        let all = logits.scalars()
        let found = running.enumerated().flatMap { (row, beam) in
            let own = Array(all[row * vocabulary..<(row + 1) * vocabulary])
            let total = logSumExp(own)
            return largest(count, of: own).map { token in
                Beam(
                    tokens: beam.tokens + [token], sum: beam.sum + Double(own[token]) - total,
                    slot: beam.slot)
            }
        }
        return Array(found.stablySorted { $0.sum > $1.sum }.prefix(count))
    }

    /// Gives each beam a slot of its own with what its parent had: the first child stays, others copy it to free slots.
    private func take(slots cache: any KeyValueCache, _ running: inout [Beam]) {
        let parents = Set(running.map(\.slot))
        var free = (0..<beams).filter { !parents.contains($0) }
        var taken: Set<Int> = []
        for i in running.indices where !taken.insert(running[i].slot).inserted {
            guard let slot = free.popLast() else { continue }
            cache.copy(running[i].slot, to: slot)
            running[i].slot = slot
        }
    }
}

/// A continuation that beam search found.
public struct Beam: Sendable, Equatable {
    /// Without the prompt; with the token that ends it.
    public let tokens: [Int]
    /// Of log-probabilities.
    public let sum: Double
    /// Where its keys and values lie during the search.
    var slot: Int

    /// The mean log-probability of its tokens.
    public var score: Double { sum / Double(tokens.count) }
}

extension Sequence {
    /// Sorted, with equal elements in the order in which they were.
    fileprivate func stablySorted(_ isBefore: (Element, Element) -> Bool) -> [Element] {
        enumerated().sorted {
            isBefore($0.element, $1.element)
                || (!isBefore($1.element, $0.element) && $0.offset < $1.offset)
        }.map(\.element)
    }
}
