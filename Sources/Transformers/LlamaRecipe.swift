import Files
public import Networks
public import Tensors
import Text

/// Learns to tell stories with the decoder of Llama models, so that what comes out is a model file like any other.
public enum LlamaRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var layers = 5
        public var heads = 4
        public var keyHeads = 2
        public var channels = 128
        public var hidden = 352
        public var context = 256
        /// Byte pairs of the vocabulary, with the mark that ends a story.
        public var vocabulary = 512
        public var learner = Learner.Settings(
            lr: 3e-3, beta2: 0.99, weightDecay: 0.1, schedule: .cosine, warmup: 50, floor: 0.05,
            clip: 1)
        /// Windows of the last tenth that an evaluation looks at; 0: all.
        public var measured = 64
        /// Tokens of a sample, and how boldly they are drawn.
        public var sampleLength = 200
        public var temperature: Float = 0.8
        /// Stories of the made-up set.
        public var stories = 6000
    }

    public static let name = "llama"
    public static let summary = "a small Llama that tells stories; apus export makes a model of it"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1000, batch: 16)

    /// Begins and ends a story.
    static let mark = "<|endoftext|>"

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: DataPlace?, on device: Device
    ) throws -> any Trainee {
        let texts =
            try data.map { try TextSet($0).joined.split(separator: [10, 10]).map(Array.init) }
            ?? (0..<settings.stories).map {
                Array(Stories.story(seed: plan.seed, number: $0).utf8)
            }
        var trainer = TokenizerTrainer(.bpe, size: settings.vocabulary, marks: [mark])
        for text in texts { trainer.add(text) }
        let json = trainer.json()
        let tokenizer = try Tokenizer(json: json, path: "tokenizer.json")
        let end = Int32(tokenizer.id(of: mark) ?? 0)
        let tokens = texts.flatMap { text in
            tokenizer.encode(utf8: text, addsMarks: false, findsSpecial: false).map { Int32($0) }
                + [end]
        }
        guard let feed = TokenFeed(tokens, length: settings.context, plan, on: device) else {
            throw FileError(
                data?.path ?? "the stories",
                "has \(tokens.count) tokens: too few for windows of \(settings.context)")
        }
        return try LlamaTrainee(settings, plan, feed, tokenizer, json, on: device)
    }
}

extension LlamaRecipe.Settings {
    /// As repositories of Llama models describe them.
    func configuration(vocabulary: Int, end: Int) -> JSON {
        func number(_ key: String, _ value: Int) -> JSON.Member {
            .init(key: key, value: .integer(value))
        }
        return .object([
            .init(key: "architectures", value: .array([.string("LlamaForCausalLM")])),
            .init(key: "model_type", value: .string("llama")),
            .init(key: "torch_dtype", value: .string("float32")),
            .init(key: "hidden_act", value: .string("silu")),
            .init(key: "tie_word_embeddings", value: .bool(true)),
            .init(key: "rms_norm_eps", value: .number(1e-5)),
            .init(key: "rope_theta", value: .number(10000)),
            number("vocab_size", vocabulary), number("hidden_size", channels),
            number("intermediate_size", hidden), number("num_hidden_layers", layers),
            number("num_attention_heads", heads), number("num_key_value_heads", keyHeads),
            number("max_position_embeddings", context), number("bos_token_id", end),
            number("eos_token_id", end),
        ])
    }
}

private final class LlamaTrainee: Trainee, LanguageTrainee {
    private let feed: TokenFeed
    private let tokenizer: Tokenizer
    private let tokenizerJSON: JSON
    private let configuration: JSON
    private let model: Decoder
    private var learner: Learner
    private let settings: LlamaRecipe.Settings
    private let end: Int

    init(
        _ settings: LlamaRecipe.Settings, _ plan: TrainingPlan, _ feed: TokenFeed,
        _ tokenizer: Tokenizer, _ json: JSON, on device: Device
    ) throws {
        end = tokenizer.id(of: LlamaRecipe.mark) ?? 0
        configuration = settings.configuration(vocabulary: tokenizer.count, end: end)
        let fields = ConfigFields(json: configuration, path: "settings")
        let store = ParameterStore(seed: plan.seed, on: device)
        model = Decoder(store.scope, try DecoderConfiguration(config: fields))
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, self.tokenizer, tokenizerJSON) = (feed, tokenizer, json)
        self.settings = settings
    }

    var networks: [(name: String, store: ParameterStore)] { [("model", learner.store)] }
    var work: (amount: Int, unit: String) { feed.work }

    func step(_ step: Int) throws -> Figures {
        let loss = learner.step(step, over: feed.batches(step)) { _, tokens in self.loss(tokens) }
        return ["loss": loss, "lr": learner.rate(step)]
    }

    /// The mean cross entropy of tokens (B, T + 1), each from those before it.
    private func loss(_ tokens: Tensor) -> Tensor {
        let length = tokens.shape[1] - 1
        let logits = model(tokens.narrowed(1, start: 0, count: length))
        let targets = tokens.narrowed(1, start: 1, count: length)
        return logits.flattened(0, 1).crossEntropy(targets.reshaped([targets.count]))
    }

    func evaluate() throws -> Figures {
        let limit = settings.measured > 0 ? settings.measured : .max
        var (total, count) = (0.0, 0)
        learner.whileAveraged {
            for batch in feed.testBatches(16, limit: limit) {
                total += Double(self.loss(batch).item()) * Double(batch.shape[0])
                count += batch.shape[0]
            }
        }
        let loss = total / Double(max(1, count))
        return ["loss": loss, "perplexity": Double(exponential(Float(loss)))]
    }

    /// Stories that begin with the prompt; one unless more are asked for.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        let start = tokenizer.encode(request.prompt ?? "", addsMarks: false)
        let engine = Engine(model, tokenizer)
        return try learner.whileAveraged {
            try (0..<(request.count ?? 1)).map { number in
                var one = GenerationRequest([end] + start)
                one.newTokens = settings.sampleLength
                one.ends = [end]
                one.sampler.temperature = settings.temperature
                one.sampler.seed = request.seed &+ UInt64(number)
                var text = request.prompt ?? ""
                try engine.run(one) {
                    text += $0.text
                    return true
                }
                return .text(text)
            }
        }
    }

    func writeModel(to folder: String) throws {
        let files: [(String, JSON)] = [
            ("config.json", configuration), ("tokenizer.json", tokenizerJSON),
            ("generation_config.json", .object([.init(key: "eos_token_id", value: .integer(end))])),
            (
                "tokenizer_config.json",
                .object([
                    .init(key: "tokenizer_class", value: .string("PreTrainedTokenizerFast")),
                    .init(key: "bos_token", value: .string(LlamaRecipe.mark)),
                    .init(key: "eos_token", value: .string(LlamaRecipe.mark)),
                ])
            ),
        ]
        for (name, json) in files {
            try writeFile("\(folder)/\(name)", [Array((json.indented + "\n").utf8)])
        }
        try learner.whileAveraged {
            try learner.store.save(to: "\(folder)/model.safetensors")
        }
    }

    func save(to state: inout TrainingState) { learner.save(to: &state) }
    func restore(from state: TrainingState) throws { try learner.restore(from: state) }
}

/// A language model in training that other programs can read afterwards.
public protocol LanguageTrainee: Trainee {
    /// Writes a folder as on the Hugging Face hub: weights, tokenizer, descriptions.
    func writeModel(to folder: String) throws
}
