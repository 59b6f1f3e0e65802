import Glibc

/// Keeps the surprise of a text near a goal by narrowing the choice more or less (Basu et al. 2021).
public struct Mirostat: Sendable, Hashable, Codable {
    /// 1: a rank limit from an estimate of how fast probabilities fall. 2: a limit of the surprise itself.
    public var version: Int
    /// The goal: -log2 p of a token.
    public var tau: Float
    /// How fast the limit follows.
    public var eta: Float

    public init(version: Int = 2, tau: Float = 5, eta: Float = 0.1) {
        (self.version, self.tau, self.eta) = (version, tau, eta)
    }

    /// Draws a token, and moves `limit`, which begins at 2 tau.
    func draw(_ candidates: Candidates, limit: inout Float, _ place: Double) -> Int? {
        var candidates = candidates
        if version == 1 {
            candidates.keepLargest(rank(candidates, limit))
        } else {
            candidates.keep(atLeast: candidates.total - limit * logf(2))
        }
        guard let token = candidates.drawn(place) else { return nil }
        let chosen = candidates.all.first { $0.token == Int32(token) }?.logit ?? 0
        limit -= eta * ((candidates.total - chosen) / logf(2) - tau)
        return token
    }

    /// How many tokens stay: the rank at which Zipf's law, fitted to the likeliest hundred, reaches the limit.
    private func rank(_ candidates: Candidates, _ limit: Float) -> Int {
        let count = candidates.all.count
        guard count > 2 else { return count }
        var likeliest = candidates
        likeliest.keepLargest(100)
        let logits = likeliest.all.map(\.logit)
        var (product, square) = (Float(0), Float(0))
        for i in 0..<logits.count - 1 where logits[i + 1] > -.infinity {
            let t = logf(Float(i + 2) / Float(i + 1))
            product += t * (logits[i] - logits[i + 1])
            square += t * t
        }
        let exponent = product / square
        let excess = exponent - 1
        let fraction = 1 - powf(Float(count), -excess)
        let k = powf(excess * exp2f(limit) / fraction, 1 / exponent)
        guard k.isFinite else { return count }
        return max(1, min(count, Int(min(k, Float(count)).rounded())))
    }
}
