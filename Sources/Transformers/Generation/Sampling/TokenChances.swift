/// How likely a model held a token to be, and which others it held for likely: logarithms of probabilities before any
/// penalty or filter.
public struct TokenChances: Sendable, Equatable {
    public struct Chance: Sendable, Equatable {
        public let token: Int
        public let logProbability: Float
    }

    public let chosen: Chance
    /// The likeliest tokens, the likeliest first.
    public let top: [Chance]

    public init(_ logits: [Float], chosen token: Int, top count: Int) {
        let total = logSumExp(logits)
        func chance(_ token: Int) -> Chance {
            Chance(token: token, logProbability: Float(Double(logits[token]) - total))
        }
        chosen = chance(token)
        top = largest(count, of: logits).map(chance)
    }
}
