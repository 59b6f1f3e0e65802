import Glibc

/// How well a text was expected, and how far a model's expectations are from another's.
public struct Perplexity: Sendable {
    private let windows: TextWindows
    /// -log p of the tokens.
    public private(set) var losses: [Double] = []
    /// With another model, where one was given.
    public private(set) var comparison: ExpectationComparison?

    public init(_ windows: TextWindows) { self.windows = windows }

    /// A window's logits that count; `base` has the other model's log-probabilities.
    public mutating func add(_ i: Int, _ logits: [[Float]], base: [[Float]]? = nil) {
        for (row, target) in zip(logits.indices, windows.targets(i)) {
            let own = logProbabilities(logits[row])
            losses.append(-Double(own[target]))
            if let base {
                comparison = comparison ?? ExpectationComparison()
                comparison?.add(own, base[row], target)
            }
        }
    }

    /// exp of the mean loss, and its standard error.
    public var value: (mean: Double, error: Double) {
        let (mean, error) = meanAndError(losses)
        return (exp(mean), error * exp(mean))
    }
}

/// log p of every token.
public func logProbabilities(_ logits: [Float]) -> [Float] {
    let total = Float(logSumExp(logits))
    return logits.map { $0 - total }
}

/// The mean, and its standard error.
func meanAndError(_ values: [Double]) -> (mean: Double, error: Double) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / max(1, count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, count)
    return (mean, count > 1 ? (variance / (count - 1)).squareRoot() : 0)
}
