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
        candidates.sort()
        let surprises = surprises(candidates)
        if version == 1 {
            candidates.keepLargest(rank(surprises, limit))
        } else {
            candidates.keepLargest(max(1, surprises.firstIndex { $0 > limit } ?? surprises.count))
        }
        guard let token = candidates.drawn(place) else { return nil }
        let kept = self.surprises(candidates)
        if let i = candidates.all.firstIndex(where: { $0.token == Int32(token) }) {
            limit -= eta * (kept[i] - tau)
        }
        return token
    }

    /// -log2 p.
    private func surprises(_ candidates: Candidates) -> [Float] {
        let weights = candidates.weights
        let sum = Float(weights.reduce(0) { $0 + Double($1) })
        return weights.map { -log2f($0 / sum) }
    }

    /// How many tokens stay: the rank at which Zipf's law, fitted to the likeliest hundred, reaches the limit.
    private func rank(_ surprises: [Float], _ limit: Float) -> Int {
        guard surprises.count > 2 else { return surprises.count }
        var (product, square) = (Float(0), Float(0))
        for i in 0..<min(99, surprises.count - 1) where surprises[i + 1] < .infinity {
            let t = logf(Float(i + 2) / Float(i + 1))
            product += t * (surprises[i + 1] - surprises[i]) * logf(2)
            square += t * t
        }
        let exponent = product / square
        let excess = exponent - 1
        let fraction = 1 - powf(Float(surprises.count), -excess)
        let k = powf(excess * exp2f(limit) / fraction, 1 / exponent)
        guard k.isFinite else { return surprises.count }
        return max(1, min(surprises.count, Int(k.rounded())))
    }
}
