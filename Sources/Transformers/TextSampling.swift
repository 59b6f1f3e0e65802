import Glibc
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
    public func callAsFunction(_ logits: some RandomAccessCollection<Float>, _ dice: inout Dice)
        -> Int
    {
        let logits = Array(logits)
        let best = logits.indices.max { logits[$0] < logits[$1] } ?? 0
        guard temperature > 0 else { return best }
        let kept =
            top > 0 && top < logits.count
            ? Array(logits.indices.sorted { logits[$0] > logits[$1] }.prefix(top))
            : Array(logits.indices)
        let weights = kept.map { expf((logits[$0] - logits[best]) / temperature) }
        var place = dice.unit() * weights.reduce(0, +)
        for (token, weight) in zip(kept, weights) {
            place -= weight
            if place < 0 { return token }
        }
        return best
    }
}

extension GPT {
    /// Continues tokens by `count` more, in several ways at once. When the context is full, its first quarter is forgotten.
    public func continued(
        _ tokens: [Int], by count: Int, _ choice: TokenChoice, _ dice: inout Dice,
        ways: Int = 1, on device: Device
    ) -> [[Int]] {
        var rows = [[Int]](repeating: tokens, count: ways)
        var memory = emptyMemory
        var new = min(tokens.count, configuration.context)
        for _ in 0..<count {
            if memory.count + new > configuration.context {
                memory = emptyMemory
                new = max(1, configuration.context * 3 / 4)
            }
            let seen = Tensor(
                rows.flatMap { $0.suffix(new).map { Int32($0) } }, shape: [ways, new], on: device)
            let logits = noGrad { self.logits(after: seen, &memory) }.scalars()
            for i in rows.indices {
                let row = logits[i * configuration.vocabulary..<(i + 1) * configuration.vocabulary]
                rows[i].append(choice(row, &dice))
            }
            new = 1
        }
        return rows
    }
}
