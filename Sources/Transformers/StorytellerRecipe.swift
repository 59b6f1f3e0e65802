import Files
import Glibc
public import Networks
public import Tensors
import Text

/// Learns to tell stories with a decoder as Llama's. A finished run can be exported as a model's folder.
public enum StorytellerRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var layers = 4
        public var heads = 6
        public var keyHeads = 6
        public var channels = 192
        /// Channels inside the MLP.
        public var hidden = 512
        public var context = 256
        /// Byte pairs, with the mark that ends a story.
        public var vocabulary = 1024
        /// Stories of the made-up set.
        public var stories = 30000
        public var learner = Learner.Settings(
            lr: 3e-3, beta2: 0.99, weightDecay: 0.1, schedule: .cosine, warmup: 50, floor: 0.05,
            clip: 1)
        /// Windows of the last tenth that an evaluation looks at; 0: all.
        public var measured = 64
        /// The most tokens of a sample, and how boldly they are drawn.
        public var sampleLength = 240
        public var temperature: Float = 0.7
    }

    public static let name = "storyteller"
    public static let summary = "a small Llama that tells stories, to be exported as a model"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 4000, batch: 8)

    /// Ends a story.
    static let mark = "<|endoftext|>"

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let texts = Late {
            try data.place.map { try TextSet($0).texts } ?? stories(settings, plan)
        }
        let vocabulary = try data.note("tokenizer.json") ?? vocabulary(of: texts(), settings)
        let tokenizer = try Tokenizer(json: vocabulary, path: "the trained vocabulary")
        let end = Int32(tokenizer.id(of: mark) ?? 0)
        let feed = Late {
            let tokens = try texts().flatMap {
                tokenizer.encode(utf8: $0, addsMarks: false, findsSpecial: false).map { Int32($0) }
                    + [end]
            }
            guard let feed = TokenFeed(tokens, length: settings.context, plan, on: device) else {
                throw FileError(
                    data.place?.path ?? "the stories",
                    "has \(tokens.count) tokens: too few for windows of \(settings.context)")
            }
            return feed
        }
        return try Storyteller(settings, plan, feed, vocabulary, tokenizer, on: device)
    }

    private static func vocabulary(of texts: [[UInt8]], _ settings: Settings) -> JSON {
        var trainer = TokenizerTrainer(.bpe, size: settings.vocabulary, marks: [mark])
        for text in texts { trainer.add(text) }
        return trainer.json()
    }

    private static func stories(_ settings: Settings, _ plan: TrainingPlan) -> [[UInt8]] {
        (0..<settings.stories).map { Array(Stories.story(seed: plan.seed, number: $0).utf8) }
    }
}

private final class Storyteller: Trainee, ExportableTrainee {
    private let feed: Late<TokenFeed>
    private let vocabulary: JSON
    private let tokenizer: Tokenizer
    private let model: Decoder
    private var learner: Learner
    private let settings: StorytellerRecipe.Settings
    private let plan: TrainingPlan
    private let device: Device
    private let end: Int

    init(
        _ settings: StorytellerRecipe.Settings, _ plan: TrainingPlan, _ feed: Late<TokenFeed>,
        _ vocabulary: JSON, _ tokenizer: Tokenizer, on device: Device
    ) throws {
        let folder = Storyteller.configuration(settings, vocabulary: tokenizer.count)
        let fields = ConfigFields(json: folder, path: "settings")
        let store = ParameterStore(seed: plan.seed, on: device)
        model = Decoder(store.scope, try DecoderConfiguration(config: fields))
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, self.vocabulary, self.tokenizer) = (feed, vocabulary, tokenizer)
        (self.settings, self.plan, self.device) = (settings, plan, device)
        end = tokenizer.id(of: StorytellerRecipe.mark) ?? 0
    }

    var networks: [(name: String, store: ParameterStore)] { [("model", learner.store)] }
    var work: (amount: Int, unit: String) {
        (plan.batch * plan.accumulate * settings.context, "tokens")
    }
    var notes: [RunNote] { [RunNote("tokenizer.json", vocabulary)] }

    func step(_ step: Int) throws -> Figures {
        let batches = try feed().batches(step)
        let loss = learner.step(step, over: batches) { _, tokens in crossEntropy(tokens) }
        return ["loss": loss, "lr": learner.rate(step)]
    }

    /// Tokens (B, T + 1), each predicted from those before it.
    private func crossEntropy(_ tokens: Tensor) -> Tensor {
        let length = tokens.shape[1] - 1
        let logits = model(tokens.narrowed(1, start: 0, count: length).contiguous())
        let targets = tokens.narrowed(1, start: 1, count: length).contiguous()
        return logits.flattened(0, 1).crossEntropy(targets.reshaped([targets.count]))
    }

    func evaluate() throws -> Figures {
        let limit = settings.measured > 0 ? settings.measured : .max
        var (total, count) = (0.0, 0)
        let feed = try feed()
        learner.whileAveraged {
            for batch in feed.testBatches(limit: limit) {
                total += Double(noGrad { crossEntropy(batch) }.item()) * Double(batch.shape[0])
                count += batch.shape[0]
            }
        }
        let loss = total / Double(max(1, count))
        return ["loss": loss, "perplexity": exp(loss)]
    }

    /// Stories that begin with the prompt; one unless more are asked for.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        let choice = TokenChoice(temperature: settings.temperature, top: 0)
        let start = tokenizer.encode(request.prompt ?? "Once upon a time", addsMarks: false)
        guard !start.isEmpty else {
            throw FileError("the prompt", "has no token that the model knows")
        }
        var dice = Dice(seed: request.seed)
        return learner.whileAveraged {
            (0..<(request.count ?? 1)).map { _ in
                .text(tokenizer.decode(story(start, choice, &dice), keepsMarks: false))
            }
        }
    }

    private func story(_ start: [Int], _ choice: TokenChoice, _ dice: inout Dice) -> [Int] {
        let capacity = start.count + settings.sampleLength
        let cache = model.makeCache(slots: 1, capacity: capacity, format: .f32)
        var (story, next) = (start, start)
        for _ in 0..<settings.sampleLength {
            let token = choice(model.logits(TokenBatch(next), cache).scalars(), &dice)
            if token == end { break }
            story.append(token)
            next = [token]
        }
        return story
    }

    func save(to state: inout TrainingState) { learner.save(to: &state) }
    func restore(from state: TrainingState) throws { try learner.restore(from: state) }

    // MARK: the model's folder

    func export(to folder: String) throws {
        func write(_ name: String, _ json: JSON) throws {
            try writeFile("\(folder)/\(name)", [Array((json.indented + "\n").utf8)])
        }
        try write(
            "config.json", Storyteller.configuration(settings, vocabulary: tokenizer.count))
        try write("tokenizer.json", vocabulary)
        try write(
            "generation_config.json",
            .object([JSON.Member(key: "eos_token_id", value: .integer(end))]))
        try learner.whileAveraged {
            try learner.store.save(to: "\(folder)/model.safetensors", metadata: ["format": "pt"])
        }
    }

    /// A `config.json` of the type llama.
    private static func configuration(
        _ settings: StorytellerRecipe.Settings, vocabulary: Int
    ) -> JSON {
        let fields: [(String, JSON)] = [
            ("architectures", .array([.string("LlamaForCausalLM")])),
            ("model_type", .string("llama")), ("vocab_size", .integer(vocabulary)),
            ("hidden_size", .integer(settings.channels)),
            ("intermediate_size", .integer(settings.hidden)),
            ("num_hidden_layers", .integer(settings.layers)),
            ("num_attention_heads", .integer(settings.heads)),
            ("num_key_value_heads", .integer(settings.keyHeads)),
            ("max_position_embeddings", .integer(settings.context)),
            ("rms_norm_eps", .number(1e-5)), ("rope_theta", .number(10000)),
            ("hidden_act", .string("silu")), ("tie_word_embeddings", .bool(true)),
            ("bos_token_id", .integer(0)), ("eos_token_id", .integer(0)),
            ("torch_dtype", .string("float32")),
        ]
        return .object(fields.map { JSON.Member(key: $0.0, value: $0.1) })
    }
}
