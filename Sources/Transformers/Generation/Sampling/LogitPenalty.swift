/// Makes tokens likelier or less likely for what was said before.
public enum LogitPenalty: Sendable, Hashable {
    /// Adds to a token's logit; -infinity forbids it.
    case bias([Int: Float])
    /// Divides the logits of the last tokens, or multiplies them where they are below 0 (Keskar et al. 2019).
    case repetition(Float, last: Int)
    /// Takes a fixed amount off the tokens among the last ones, and one for each time that they are there.
    case presence(Float, frequency: Float, last: Int)
    /// Forbids a token that would end a run of n tokens that was there before.
    case repeatedRun(Int)

    /// - Parameter tokens: what was said so far, with the prompt.
    func apply(to logits: inout [Float], after tokens: [Int]) {
        switch self {
        case .bias(let amounts):
            for (token, amount) in amounts where logits.indices.contains(token) {
                logits[token] += amount
            }
        case .repetition(let penalty, let last):
            for token in Set(tokens.suffix(last)) where logits.indices.contains(token) {
                let logit = logits[token]
                logits[token] = logit < 0 ? logit * penalty : logit / penalty
            }
        case .presence(let once, let each, let last):
            for (token, count) in counts(tokens.suffix(last)) where logits.indices.contains(token) {
                logits[token] -= once + Float(count) * each
            }
        case .repeatedRun(let length):
            for token in forbidden(length, tokens) where logits.indices.contains(token) {
                logits[token] = -.infinity
            }
        }
    }

    private func counts(_ tokens: ArraySlice<Int>) -> [Int: Int] {
        tokens.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    /// What followed the earlier places of the last length - 1 tokens.
    private func forbidden(_ length: Int, _ tokens: [Int]) -> [Int] {
        guard length > 0, tokens.count >= length else { return [] }
        let end = tokens.suffix(length - 1)
        return (0...tokens.count - length).filter {
            tokens[$0..<$0 + length - 1].elementsEqual(end)
        }.map { tokens[$0 + length - 1] }
    }
}
