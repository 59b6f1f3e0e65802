import Glibc

/// Narrows or changes the probabilities of what may come next.
public enum LogitFilter: Sendable, Hashable {
    /// Divides the logits: below 1 the likely become likelier. 0 keeps the likeliest alone.
    case temperature(Float)
    /// The k likeliest; 0 keeps all.
    case topK(Int)
    /// The likeliest that together have this share of the probability (Holtzman et al. 2020).
    case topP(Float)
    /// Those at least this many times as likely as the likeliest.
    case minP(Float)
    /// Those whose surprise is nearest to the expected one, up to a share of the probability (Meister et al. 2023).
    case typical(Float)
    /// Those of at least this probability.
    case epsilon(Float)
    /// The same, less strictly where much is possible (Hewitt et al. 2022).
    case eta(Float)

    func apply(to candidates: inout Candidates) {
        guard candidates.all.count > 1 else { return }
        switch self {
        case .temperature(let t) where t <= 0: candidates.keepLargest(1)
        case .temperature(let t): candidates.divide(by: t)
        case .topK(let k): if k > 0 { candidates.keepLargest(k) }
        case .topP(let p): if p < 1 { candidates.keepNucleus(p) }
        case .minP(let p):
            if p > 0 { candidates.keep(atLeast: candidates.highest + logf(p)) }
        case .typical(let p): if p < 1 { keepTypical(p, of: &candidates) }
        case .epsilon(let e):
            let surprises = Surprises(candidates)
            candidates.keep(atLeast: surprises.logit(ofProbability: Double(e)))
        case .eta(let e):
            let surprises = Surprises(candidates)
            let limit = min(Double(e), Double(e).squareRoot() * exp(-surprises.expected))
            candidates.keep(atLeast: surprises.logit(ofProbability: limit))
        }
    }

    private func keepTypical(_ share: Float, of candidates: inout Candidates) {
        let surprises = Surprises(candidates)
        let keys = candidates.all.map { candidate in
            -Float((surprises.total - Double(candidate.logit) - surprises.expected).magnitude)
        }
        candidates.keepNucleus(share, by: keys)
    }
}

/// -log p of candidates: what they have in common.
private struct Surprises {
    /// log Σ exp(logit)
    let total: Double
    /// The entropy: the mean of -log p.
    let expected: Double

    init(_ candidates: Candidates) {
        let highest = Double(candidates.highest)
        var (sum, moment) = (0.0, 0.0)
        for candidate in candidates.all where candidate.logit > -.infinity {
            let x = Double(candidate.logit) - highest
            let weight = exp(x)
            sum += weight
            moment += weight * x
        }
        total = highest + log(sum)
        expected = log(sum) - moment / sum
    }

    func logit(ofProbability p: Double) -> Float { Float(log(p) + total) }
}
