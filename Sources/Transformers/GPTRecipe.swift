import Files
import Glibc
public import Networks
public import Tensors
public import Text

/// Learns to continue text, character by character or in byte pairs.
public enum GPTRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var layers = 4
        public var heads = 4
        /// "gpt2": layer norm, learned positions, GELU; "llama": RMS norm, turned positions, SwiGLU.
        public var style = GPTConfiguration.Style.gpt2
        /// Heads of keys and values, shared by groups of the others; 0: as many.
        public var keyHeads = 0
        public var channels = 128
        public var context = 64
        public var dropout: Float = 0
        public var bias = false
        /// "char", or "bpe" with `vocabulary` tokens.
        public var tokens = TokenizerTrainer.Kind.char
        public var vocabulary = 512
        /// A tokenizer.json or its folder, as of `apus tokenizer train`, in their place.
        public var tokenizer = ""
        public var learner = Learner.Settings(
            lr: 3e-3, beta2: 0.99, weightDecay: 0.1, schedule: .cosine, warmup: 100, floor: 0.1,
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
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        if let problem = settings.problem { throw FileError("settings", problem) }
        let text = Late {
            try data.place.map { try TextSet($0).joined }
                ?? Array(Stories.text(settings.stories, seed: plan.seed).utf8)
        }
        let note = try data.note("tokenizer.json") ?? settings.vocabulary(of: text)
        let tokenizer = try Tokenizer(json: note, path: "tokenizer.json")
        let feed = Late {
            let tokens = try tokenizer.encode(utf8: text(), addsMarks: false).map { Int32($0) }
            guard let feed = TokenFeed(tokens, length: settings.context, plan, on: device) else {
                throw FileError(
                    data.place?.path ?? "the stories",
                    "has \(tokens.count) tokens: too few for windows of \(settings.context)")
            }
            return feed
        }
        return GPTTrainee(settings, plan, feed, tokenizer, note, on: device)
    }
}

extension GPTRecipe.Settings {
    /// Why no model can be made so, if none can.
    fileprivate var problem: String? {
        let sizes = [layers, heads, channels, context, vocabulary, sampleLength]
        if sizes.contains(where: { $0 < 1 }) {
            return "layers, heads, channels, context, vocabulary and sampleLength must be above 0"
        }
        if channels % (2 * heads) != 0 {
            return "channels is \(channels), which \(heads) heads cannot share in even parts"
        }
        let isShared = keyHeads == 0 || (keyHeads > 0 && heads % keyHeads == 0)
        return isShared ? nil : "keyHeads is \(keyHeads), which does not divide \(heads) heads"
    }

    /// A given tokenizer.json, or one that is made for the text.
    fileprivate func vocabulary(of text: Late<[UInt8]>) throws -> JSON {
        if !tokenizer.isEmpty {
            let path = isFolder(tokenizer) ? "\(tokenizer)/tokenizer.json" : tokenizer
            return try JSON(parsing: readFile(path), path: path)
        }
        var trainer = TokenizerTrainer(
            tokens, size: tokens == .char ? nil : vocabulary, marks: [])
        trainer.add(try text())
        return trainer.json()
    }
}

private final class GPTTrainee: SingleTrainee {
    private let feed: Late<TokenFeed>
    private let tokenizer: Tokenizer
    private let note: JSON
    private let model: GPT
    var learner: Learner
    private let plan: TrainingPlan
    private let settings: GPTRecipe.Settings
    private let device: Device

    init(
        _ settings: GPTRecipe.Settings, _ plan: TrainingPlan, _ feed: Late<TokenFeed>,
        _ tokenizer: Tokenizer, _ note: JSON, on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        var configuration = GPTConfiguration(
            vocabulary: tokenizer.count, context: settings.context,
            channels: settings.channels, layers: settings.layers, heads: settings.heads,
            dropout: settings.dropout, bias: settings.bias)
        configuration.style = settings.style
        configuration.keyHeads = settings.keyHeads > 0 ? settings.keyHeads : nil
        model = GPT(store.scope, configuration)
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, self.tokenizer, self.note) = (feed, tokenizer, note)
        (self.settings, self.plan, self.device) = (settings, plan, device)
    }

    var work: (amount: Int, unit: String) {
        (plan.batch * plan.accumulate * settings.context, "tokens")
    }
    var notes: [RunNote] { [RunNote("tokenizer.json", note)] }

    func step(_ step: Int) throws -> Figures {
        let loss = learner.step(step, over: try feed().batches(step)) { context, tokens in
            model.loss(tokens, context)
        }
        return ["loss": loss, "lr": learner.rate(step)]
    }

    func evaluate() throws -> Figures {
        let limit = settings.measured > 0 ? settings.measured : .max
        var (total, count) = (0.0, 0)
        let feed = try feed()
        learner.whileAveraged {
            for batch in feed.testBatches(limit: limit) {
                total += Double(model.loss(batch).item()) * Double(batch.shape[0])
                count += batch.shape[0]
            }
        }
        let loss = total / Double(max(1, count))
        return ["loss": loss, "perplexity": Double(expf(Float(loss)))]
    }

    /// Texts that begin with the prompt; one unless more are asked for.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        let choice = TokenChoice(temperature: settings.temperature, top: settings.top)
        let start = tokenizer.encode(request.prompt ?? "\n", addsMarks: false)
        guard !start.isEmpty else {
            throw FileError("the prompt", "has no token that the model knows")
        }
        var dice = Dice(seed: request.seed)
        let texts = learner.whileAveraged {
            model.continued(
                start, by: settings.sampleLength, choice, &dice, ways: request.count ?? 1,
                on: device)
        }
        return texts.map { .text(tokenizer.decode($0)) }
    }
}
