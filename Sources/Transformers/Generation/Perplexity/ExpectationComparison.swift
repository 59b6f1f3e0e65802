import Glibc

/// How a model's expectations differ from a base's, token by token.
public struct ExpectationComparison: Sendable {
    /// Σ p log (p / q): p the base's, q the model's.
    private var divergences: [Double] = []
    /// -log p of the base.
    private var baseLosses: [Double] = []
    /// By how much the probability of the right token is off.
    private var shifts: [Double] = []
    private var same = 0

    mutating func add(_ own: [Float], _ base: [Float], _ target: Int) {
        var sum = 0.0
        for i in base.indices where base[i] > -16 {
            sum += Double(expf(base[i])) * Double(base[i] - own[i])
        }
        divergences.append(sum)
        baseLosses.append(-Double(base[target]))
        shifts.append(exp(Double(own[target])) - exp(Double(base[target])))
        same += largest(of: own) == largest(of: base) ? 1 : 0
    }

    /// The divergence below which a share of the tokens lie.
    public func quantile(_ share: Double) -> Double {
        let sorted = divergences.sorted()
        guard let last = sorted.last else { return 0 }
        let place = Int(share * Double(sorted.count))
        return place < sorted.count ? sorted[place] : last
    }

    /// The mean divergence, and its standard error.
    public var divergence: (mean: Double, error: Double) { meanAndError(divergences) }
    public var basePerplexity: Double { exp(meanAndError(baseLosses).mean) }
    /// The root of the mean square of the probabilities' shifts.
    public var shift: Double { meanAndError(shifts.map { $0 * $0 }).mean.squareRoot() }
    /// How often both hold the same token for the likeliest.
    public var agreement: Double { Double(same) / Double(max(1, shifts.count)) }

    /// By which factor the perplexity is larger than the base's, from the model's losses.
    public func ratio(_ losses: [Double]) -> (mean: Double, error: Double) {
        let (mean, error) = meanAndError(zip(losses, baseLosses).map { $0 - $1 })
        return (exp(mean), error * exp(mean))
    }
}
