import Files
public import Networks
public import Tensors
public import Text

/// Learns to continue text, character by character or in byte pairs.
public enum GPTRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var layers = 4
        public var heads = 4
        public var channels = 128
        public var context = 64
        public var dropout: Float = 0
        public var bias = false
        /// "char", or "bpe" with `vocabulary` tokens.
        public var tokens = TokenizerTrainer.Kind.char
        public var vocabulary = 512
        public var learner = Learner.Settings(
            lr: 1e-3, beta2: 0.99, weightDecay: 0.1, schedule: .cosine, warmup: 100, floor: 0.1,
            clip: 1)
        /// Windows of the last tenth that an evaluation looks at; 0: all.
        public var measured = 0
        /// Tokens of a sample, how boldly they are drawn, and from how many of the likeliest (0: all).
        public var sampleLength = 400
        public var temperature: Float = 0.8
        public var top = 0
        /// Stories of the made-up set.
        public var stories = 2000
    }

    public static let name = "gpt"
    public static let summary = "a GPT that continues text, by characters or byte pairs"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 2000, batch: 12)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: DataPlace?, on device: Device
    ) throws -> any Trainee {
        let origin = data?.path ?? "the stories"
        let text =
            try data.map { try TextSet($0).joined }
            ?? Array(Stories.text(settings.stories, seed: plan.seed).utf8)
        let tokenizer = try tokenizer(settings, text)
        let tokens = tokenizer.encode(utf8: text, addsMarks: false).map { Int32($0) }
        guard let feed = TokenFeed(tokens, length: settings.context, plan, on: device) else {
            throw FileError(
                origin, "has \(tokens.count) tokens: too few for windows of \(settings.context)")
        }
        return GPTTrainee(settings, plan, feed, tokenizer, on: device)
    }

    private static func tokenizer(_ settings: Settings, _ text: [UInt8]) throws -> Tokenizer {
        var trainer = TokenizerTrainer(
            settings.tokens, size: settings.tokens == .char ? nil : settings.vocabulary, marks: [])
        trainer.add(text)
        return try trainer.tokenizer()
    }
}

private final class GPTTrainee: Trainee {
    private let feed: TokenFeed
    private let tokenizer: Tokenizer
    private let model: GPT
    private var learner: Learner
    private let settings: GPTRecipe.Settings
    private let device: Device

    init(
        _ settings: GPTRecipe.Settings, _ plan: TrainingPlan, _ feed: TokenFeed,
        _ tokenizer: Tokenizer, on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        model = GPT(
            store.scope,
            GPTConfiguration(
                vocabulary: tokenizer.count, context: settings.context,
                channels: settings.channels, layers: settings.layers, heads: settings.heads,
                dropout: settings.dropout, bias: settings.bias))
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, self.tokenizer) = (feed, tokenizer)
        (self.settings, self.device) = (settings, device)
    }

    var networks: [(name: String, store: ParameterStore)] { [("model", learner.store)] }
    var work: (amount: Int, unit: String) { feed.work }

    func step(_ step: Int) throws -> Figures {
        let loss = learner.step(step, over: feed.batches(step)) { context, tokens in
            model.loss(tokens, context)
        }
        return ["loss": loss, "lr": learner.rate(step)]
    }

    func evaluate() throws -> Figures {
        let limit = settings.measured > 0 ? settings.measured : .max
        var (total, count) = (0.0, 0)
        learner.whileAveraged {
            for batch in feed.testBatches(limit: limit) {
                total += Double(model.loss(batch).item()) * Double(batch.shape[0])
                count += batch.shape[0]
            }
        }
        let loss = total / Double(max(1, count))
        return ["loss": loss, "perplexity": Double(exponential(Float(loss)))]
    }

    /// Texts that begin with the prompt; one unless more are asked for.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        let choice = TokenChoice(temperature: settings.temperature, top: settings.top)
        let start = tokenizer.encode(request.prompt ?? "\n", addsMarks: false)
        guard !start.isEmpty else {
            throw FileError("the prompt", "has no token that the model knows")
        }
        var dice = Dice(seed: request.seed)
        return learner.whileAveraged {
            (0..<(request.count ?? 1)).map { _ in
                .text(
                    tokenizer.decode(
                        model.continued(start, by: settings.sampleLength, choice, &dice, on: device)
                    ))
            }
        }
    }

    func save(to state: inout TrainingState) { learner.save(to: &state) }
    func restore(from state: TrainingState) throws { try learner.restore(from: state) }
}
