/// What to continue, and how.
public struct GenerationRequest: Sendable {
    /// Tokens, with the marks that the model wants around them.
    public var prompt: [Int]
    public var sampler = SamplerSettings()
    /// The most new tokens; nil: until the context is full.
    public var newTokens: Int?
    /// The tokens that end an answer.
    public var ends: Set<Int> = []
    /// Texts that end an answer; they are not part of it.
    public var stops: [String] = []
    /// How many of the likeliest tokens come with each token; nil: no chances at all.
    public var chances: Int?
    /// When the context is full: forgets half of what comes after the first `kept` tokens, and goes on.
    public var shiftsContext = false
    public var kept = 0
    /// Whether the text has the marks that the tokens may be.
    public var showsMarks = false

    public init(_ prompt: [Int], sampler: SamplerSettings = SamplerSettings()) {
        (self.prompt, self.sampler) = (prompt, sampler)
    }
}

/// Something new of a request that is being served.
public struct GenerationUpdate: Sendable {
    public let id: Int
    /// The newest token; nil where a part of the prompt was read, or only text that was held back follows.
    public let token: Int?
    /// What may be shown: whole characters, nothing of a text that stops. Empty while it cannot be known.
    public let text: String
    public let chances: TokenChances?
    /// Why it is over, in the last update.
    public let finish: FinishReason?
    public let statistics: GenerationStatistics
}

/// Why an answer is over.
public enum FinishReason: Sendable, Equatable {
    /// A token that ends answers.
    case end
    /// A text that ends answers.
    case stop(String)
    /// As many tokens as were asked for.
    case length
    /// The context is full.
    case context
    case cancelled
    /// The model gave logits that are no numbers.
    case broken
}

/// The work of a request.
public struct GenerationStatistics: Sendable, Equatable {
    public var promptTokens = 0
    /// Those of them whose keys and values were there already.
    public var reusedTokens = 0
    /// Those that the model has read.
    public var readTokens = 0
    public var newTokens = 0
    /// From the first pass to the first token, and from there to the last.
    public var promptSeconds = 0.0
    public var newSeconds = 0.0
    /// Tokens that were guessed, and how many of the guesses were right.
    public var guessedTokens = 0
    public var rightTokens = 0

    public var promptSpeed: Double { Double(promptTokens - reusedTokens) / promptSeconds }
    /// Without the first token, which the prompt's last pass gives.
    public var newSpeed: Double { Double(newTokens - 1) / newSeconds }
    /// The share of guesses that were right.
    public var acceptance: Double? {
        guessedTokens > 0 ? Double(rightTokens) / Double(guessedTokens) : nil
    }
}

/// Why a request cannot be served.
public enum GenerationError: Error, Equatable, CustomStringConvertible {
    case emptyPrompt
    case promptTooLong(tokens: Int, most: Int)
    case unknownToken(Int)

    public var description: String {
        switch self {
        case .emptyPrompt: "the prompt has no token"
        case .promptTooLong(let tokens, let most):
            "the prompt has \(tokens) tokens, but at most \(most) fit into the context "
                + "with room for an answer"
        case .unknownToken(let token): "the prompt has the token \(token), which the model lacks"
        }
    }
}
