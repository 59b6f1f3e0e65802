public import Networks
public import Tensors

/// How the next token is drawn from what a model expects.
public struct TokenChoice: Sendable {
    /// 0: always the likeliest.
    public var temperature: Float
    /// Only the k likeliest; 0: all.
    public var top: Int

    public init(temperature: Float = 0.8, top: Int = 200) {
        (self.temperature, self.top) = (temperature, top)
    }

    /// - Parameter logits: of every token.
    public func callAsFunction(_ logits: [Float], _ dice: inout Dice) -> Int {
        let order = logits.indices.sorted { logits[$0] > logits[$1] }
        guard temperature > 0 else { return order[0] }
        let kept = top > 0 ? order.prefix(top) : order[...]
        let highest = logits[order[0]]
        let weights = kept.map { exponential((logits[$0] - highest) / temperature) }
        var place = dice.unit() * weights.reduce(0, +)
        for (token, weight) in zip(kept, weights) {
            place -= weight
            if place < 0 { return token }
        }
        return kept.last ?? order[0]
    }
}

extension GPT {
    /// Continues tokens by `count` more. The model sees the last `context` of them.
    public func continued(
        _ tokens: [Int], by count: Int, _ choice: TokenChoice, _ dice: inout Dice,
        on device: Device
    ) -> [Int] {
        var tokens = tokens
        for _ in 0..<count {
            let seen = tokens.suffix(configuration.context).map { Int32($0) }
            let expected = noGrad {
                logits(ofLast: states(Tensor(seen, shape: [1, seen.count], on: device)))
            }
            tokens.append(choice(expected.scalars(), &dice))
        }
        return tokens
    }
}
