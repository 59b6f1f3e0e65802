/// Has tokens guessed, which the model then checks many at once: the text is the same as without, to the token, and
/// comes sooner where guesses are cheap and often right. Where they are not, guessing stops by itself for a while.
public final class Speculation {
    private let drafter: any Drafter
    /// The most tokens that are guessed at once, which grows with success.
    private var most = 4
    private let limit: Int
    private var gauge = SpeculationGauge()

    private init(_ drafter: any Drafter, limit: Int) {
        (self.drafter, self.limit) = (drafter, limit)
    }

    /// Looks the last tokens up in what was said before.
    public static func lookup(limit: Int = 10) -> Speculation {
        Speculation(PromptLookup(), limit: limit)
    }

    /// Asks a smaller model of the same vocabulary; slots and context are the engine's.
    public static func draft(
        _ model: any LanguageModel, slots: Int = 1, context: Int, format: CacheFormat = .f16,
        limit: Int = 10
    ) -> Speculation {
        Speculation(
            DraftModel(model, slots: slots, context: context, format: format), limit: limit)
    }

    /// Whether guessing pays, or is tried.
    public var isOn: Bool { gauge.isOn }

    func guesses(_ asked: [(slot: Int, tokens: [Int], most: Int)]) -> [(slot: Int, tokens: [Int])] {
        let start = ContinuousClock.now
        let found = drafter.guesses(asked.map { ($0.slot, $0.tokens, min($0.most, most)) })
        gauge.spent += (ContinuousClock.now - start) / .seconds(1)
        return found
    }

    /// Learns from a pass: what was fed, how many tokens came out, and how long it took.
    func measure(_ runs: [TokenBatch.Run], tokens: Int, seconds: Double) {
        // A pass with parts of prompts says nothing.
        guard runs.allSatisfy({ $0.wanted == .all || $0.tokens.count == 1 }) else {
            gauge.spent = 0
            return
        }
        let guessed = runs.reduce(0) { $0 + $1.tokens.count - 1 }
        gauge.measure(tokens: tokens, of: runs.count, seconds: seconds)
        let right = tokens - runs.count
        if guessed > 0 { most = right == guessed ? min(limit, most + 2) : max(2, most - 1) }
    }
}

/// Compares the speed with guesses to that without.
struct SpeculationGauge {
    /// The seconds that guessing took since the last pass.
    var spent = 0.0
    private(set) var isOn = false
    /// Seconds for a token of each sequence without guesses, when last measured.
    private var plain = 0.0
    private var seconds = 0.0
    private var tokens = 0.0
    /// Passes until it is tried or judged.
    private var left = 4
    private var pause = 16

    /// A pass that gave some tokens of some sequences.
    mutating func measure(tokens: Int, of sequences: Int, seconds: Double) {
        self.seconds += seconds + spent
        self.tokens += Double(tokens) / Double(sequences)
        spent = 0
        left -= 1
        if left <= 0 { judge() }
    }

    private mutating func judge() {
        let cost = seconds / max(tokens, 1)
        (seconds, tokens) = (0, 0)
        if !isOn {
            (plain, isOn, left) = (cost, true, 16)
        } else if cost > plain * 1.02 {
            // It does not pay: the pauses grow.
            (isOn, left, pause) = (false, pause, min(pause * 2, 512))
        } else {
            (left, pause) = (32, 16)
        }
    }
}
