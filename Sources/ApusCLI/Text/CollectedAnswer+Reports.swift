import Benchmarking
import Files
import Text
import Transformers

extension CollectedAnswer {
    /// A line for each token: itself, its log-probability, and the likeliest tokens with theirs.
    func table(_ tokenizer: Tokenizer) -> String {
        chances.map { chances in
            let chosen = CollectedAnswer.shown(chances.chosen, tokenizer)
            let top = chances.top.map { CollectedAnswer.shown($0, tokenizer) }
            return chosen.padded(24) + top.joined(separator: "  ") + "\n"
        }.joined()
    }

    private static func shown(_ chance: TokenChances.Chance, _ tokenizer: Tokenizer) -> String {
        "\(JSON.string(tokenizer.text(of: chance.token)).text) "
            + rounded(Double(chance.logProbability), 3)
    }

    /// Text, tokens, why it ended, and the speeds.
    func json(_ request: GenerationRequest, _ choice: ModelChoice, _ s: GenerationStatistics)
        -> JSON
    {
        var members: [JSON.Member] = [
            .init(key: "model", value: .string(choice.loaded.name)),
            .init(key: "text", value: .string(text)),
            .init(key: "tokens", value: JSON(encoding: tokens)),
            .init(key: "finish", value: .string(reason)),
            .init(key: "seed", value: JSON(encoding: request.sampler.seed)),
            .init(key: "load_seconds", value: JSON(encoding: choice.seconds)),
            .init(key: "prompt_tokens", value: JSON(encoding: s.promptTokens)),
            .init(key: "cached_tokens", value: JSON(encoding: s.reusedTokens)),
            .init(key: "prompt_tps", value: number(s.promptSpeed)),
            .init(key: "generated", value: JSON(encoding: s.newTokens)),
            .init(key: "generate_tps", value: number(s.newSpeed)),
        ]
        if s.guessedTokens > 0 {
            members.append(.init(key: "draft_n", value: JSON(encoding: s.guessedTokens)))
            members.append(.init(key: "draft_n_accepted", value: JSON(encoding: s.rightTokens)))
        }
        if request.chances != nil {
            let list = chances.map { entry($0, choice.tokenizer) }
            members.append(.init(key: "logprobs", value: .array(list)))
        }
        return .object(members)
    }

    private var reason: String {
        switch finish {
        case .end, .stop: "stop"
        case .length, .context: "length"
        case .cancelled: "cancelled"
        case .broken, nil: "error"
        }
    }

    private func number(_ x: Double) -> JSON { x.isFinite ? JSON(encoding: x) : .null }

    private func entry(_ chances: TokenChances, _ tokenizer: Tokenizer) -> JSON {
        func members(_ chance: TokenChances.Chance) -> [JSON.Member] {
            [
                .init(key: "token", value: .string(tokenizer.text(of: chance.token))),
                .init(key: "id", value: JSON(encoding: chance.token)),
                .init(key: "logprob", value: number(Double(chance.logProbability))),
            ]
        }
        let top = JSON.array(chances.top.map { .object(members($0)) })
        return .object(members(chances.chosen) + [.init(key: "top_logprobs", value: top)])
    }
}

extension Tokenizer {
    /// A token as it reads inside a text: decoders take a space off the first one.
    fileprivate func text(of token: Int) -> String {
        let (once, twice) = (decodeBytes([token]), decodeBytes([token, token]))
        return String(decoding: twice.dropFirst(once.count), as: UTF8.self)
    }
}
