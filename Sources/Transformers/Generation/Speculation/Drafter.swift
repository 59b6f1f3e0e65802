import Glibc

/// Guesses how sequences go on.
protocol Drafter: AnyObject {
    /// For each sequence, which ends with a token that the model has yet to see, the tokens that may follow: at most `most`,
    /// none where there is no good guess.
    func guesses(_ asked: [(slot: Int, tokens: [Int], most: Int)]) -> [(slot: Int, tokens: [Int])]
}

/// Guesses that what followed the last tokens once will follow them again.
final class PromptLookup: Drafter {
    /// How many of the last tokens must agree, the longest first.
    private let lengths = [4, 3, 2]

    func guesses(_ asked: [(slot: Int, tokens: [Int], most: Int)]) -> [(slot: Int, tokens: [Int])] {
        asked.map { ($0.slot, guess($0.tokens, $0.most)) }
    }

    private func guess(_ tokens: [Int], _ most: Int) -> [Int] {
        for length in lengths where tokens.count > length {
            let end = tokens.suffix(length)
            let starts = stride(from: tokens.count - length - 1, through: 0, by: -1)
            let found = starts.first { tokens[$0..<$0 + length].elementsEqual(end) }
            if let found { return Array(tokens[(found + length)...].prefix(most)) }
        }
        return []
    }
}

/// Guesses what a smaller model with the same vocabulary would say.
final class DraftModel: Drafter {
    private let model: any LanguageModel
    private let cache: any KeyValueCache
    private var cached: [[Int]]
    /// Guessing ends where the small model is less sure than this.
    private let leastProbability = 0.4

    init(_ model: any LanguageModel, slots: Int, context: Int, format: CacheFormat) {
        self.model = model
        cache = model.makeCache(slots: slots, capacity: context, format: format)
        cached = Array(repeating: [], count: slots)
    }

    func guesses(_ asked: [(slot: Int, tokens: [Int], most: Int)]) -> [(slot: Int, tokens: [Int])] {
        var found = asked.map { (slot: $0.slot, tokens: [Int]()) }
        var open = Array(asked.indices)
        var runs = asked.map { TokenBatch.Run(unseen($0.tokens, $0.slot), slot: $0.slot) }
        while !open.isEmpty {
            let rows = LogitRows(model.logits(TokenBatch(runs), cache))
            for run in runs { cached[run.slot] += run.tokens }
            var next: [Int] = []
            for (row, place) in open.enumerated() {
                guard let token = sureToken(rows[row]) else { continue }
                found[place].tokens.append(token)
                let isFull = cached[asked[place].slot].count >= cache.capacity
                if found[place].tokens.count < asked[place].most && !isFull { next.append(place) }
            }
            open = next
            runs = open.map { TokenBatch.Run([found[$0].tokens.last ?? 0], slot: asked[$0].slot) }
        }
        return found
    }

    /// What of the tokens the small model has not seen; it forgets guesses that were wrong.
    private func unseen(_ tokens: [Int], _ slot: Int) -> [Int] {
        let kept = min(sharedLength(cached[slot], tokens), tokens.count - 1)
        if cached[slot].count > kept {
            cached[slot].removeLast(cached[slot].count - kept)
            cache.truncate(slot, to: kept)
        }
        return Array(tokens[kept...])
    }

    private func sureToken(_ logits: [Float]) -> Int? {
        guard let token = largest(of: logits) else { return nil }
        let probability = expf(logits[token] - Float(logSumExp(logits)))
        return Double(probability) >= leastProbability ? token : nil
    }
}
