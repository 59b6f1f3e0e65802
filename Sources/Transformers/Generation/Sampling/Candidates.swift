import Glibc

/// A token that may come next.
struct Candidate: Sendable, Equatable {
    var token: Int32
    var logit: Float
}

/// The tokens that may come next.
struct Candidates: Sendable {
    private(set) var all: [Candidate]
    /// Whether the likeliest stands first, and so on down.
    private(set) var isSorted: Bool

    /// Every token.
    init(_ logits: [Float]) {
        all = logits.indices.map { Candidate(token: Int32($0), logit: logits[$0]) }
        isSorted = false
    }

    /// The k likeliest tokens of all.
    init(_ logits: [Float], top count: Int) {
        all = largest(count, of: logits).map { Candidate(token: Int32($0), logit: logits[$0]) }
        isSorted = true
    }

    /// exp(logit - highest): probabilities up to a factor.
    var weights: [Float] {
        let highest = highest
        return all.map { expf($0.logit - highest) }
    }

    var highest: Float {
        if isSorted { return all.first?.logit ?? -.infinity }
        return all.reduce(-.infinity) { $1.logit > $0 ? $1.logit : $0 }
    }

    /// log Σ exp(logit)
    var total: Float { highest + Float(log(weights.reduce(0) { $0 + Double($1) })) }

    mutating func divide(by temperature: Float) {
        for i in all.indices { all[i].logit /= temperature }
    }

    /// Keeps what is at least as likely as said, and always the likeliest.
    mutating func keep(atLeast logit: Float) {
        let limit = min(logit, highest)
        all.removeAll { !($0.logit >= limit) }
    }

    /// Keeps the likeliest `count`, sorted.
    mutating func keepLargest(_ count: Int) {
        if isSorted {
            all.removeLast(max(0, all.count - count))
        } else {
            keep(largest(count, of: all.map(\.logit)))
            isSorted = true
        }
    }

    /// Keeps the likeliest that together have a share of the probability.
    mutating func keepNucleus(_ share: Float) {
        let nucleus = Nucleus(share, weights: weights, keys: all.map(\.logit))
        keep(nucleus.places)
        isSorted = nucleus.isSorted
    }

    /// Keeps those with the largest keys that together have a share of the probability.
    mutating func keepNucleus(_ share: Float, by keys: [Float]) {
        keep(Nucleus(share, weights: weights, keys: keys).places)
        isSorted = false
    }

    private mutating func keep(_ places: [Int]) { all = places.map { all[$0] } }

    /// The candidate at a place between 0 and 1 on the line on which each takes its probability.
    func drawn(_ place: Double) -> Int? {
        let weights = weights
        let sum = weights.reduce(0) { $0 + Double($1) }
        guard sum.isFinite else { return nil }
        var left = place * sum
        var last: Int?
        for (candidate, weight) in zip(all, weights) where weight > 0 {
            left -= Double(weight)
            last = Int(candidate.token)
            if left < 0 { break }
        }
        return last
    }
}
