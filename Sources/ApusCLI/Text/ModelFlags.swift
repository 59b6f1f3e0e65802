import Benchmarking
import Files
import Tensors
import Text
import Transformers

extension Flag {
    /// Which model, where and how it runs: llama.cpp's names.
    static let model = [
        Flag(
            "model", "PATH",
            "a .gguf file, or a folder with config.json (the built-in storyteller)", short: "m"),
        Flag(
            "ctx-size", "N", "tokens of the context (4096, or what the model has); 0: all",
            short: "c"),
        Flag("batch-size", "N", "most tokens of a pass (256)", short: "b"),
        Flag("threads", "N", "threads that work on an op (all cores)", short: "t"),
        Flag("exact", nil, "weights as f32, activations not rounded: slower, more memory"),
        Flag("device", "D", "cpu, opencl:0, … (cpu)", short: "dev"),
        Flag("gpu-layers", "N", "above 0: the first OpenCL device, if there is one", short: "ngl"),
        Flag("lora", "DIR[:S]", "an adapter in peft's layout, S times as strong; may stand again"),
    ]
    static let cache = [
        Flag("cache-type-k", "TYPE", "keys and values as f16, q8_0 or f32 (f16)", short: "ctk"),
        Flag("cache-type-v", "TYPE", "the same flag: both have one type", short: "ctv"),
    ]
}

/// A model that the flags name, loaded.
struct ModelChoice {
    let loaded: LoadedModel
    let tokenizer: Tokenizer
    let seconds: Double

    init(_ arguments: Arguments) throws {
        try setThreads(arguments)
        let device = try ModelChoice.device(arguments)
        let adapters = arguments.texts("lora")
        guard let path = arguments.text("model") else {
            try self.init(DefaultModel.name, adapters) { try DefaultModel.load(on: device) }
            return
        }
        let weights = arguments.has("exact") ? LoadedModel.Weights.f32 : .stored
        try self.init(path, adapters) { try LoadedModel.load(path, weights, on: device) }
    }

    init(_ path: String, on device: Device) throws {
        try self.init(path, []) { try LoadedModel.load(path, on: device) }
    }

    private init(_ name: String, _ adapters: [String], _ load: () throws -> LoadedModel) throws {
        let start = ContinuousClock.now
        loaded = try load().adapted(by: adapters.map { try Adapter.load($0) })
        guard let tokenizer = loaded.tokenizer else {
            throw BenchmarkError.failure("\(name): the model comes without a tokenizer")
        }
        self.tokenizer = tokenizer
        seconds = (ContinuousClock.now - start) / .seconds(1)
    }

    /// Tells the model from others: its name, and the bits of what it says after one token.
    var identity: String {
        let cache = loaded.model.makeCache(slots: 1, capacity: 1, format: .f32)
        let logits = loaded.model.logits(TokenBatch([loaded.model.vocabulary - 1]), cache)
        let hash = logits.bytes().reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return "\(loaded.description) \(String(hash, radix: 16))"
    }

    static func device(_ arguments: Arguments) throws -> Device {
        if let name = arguments.text("device") { return try Device.named(name) }
        let layers = try arguments.int("gpu-layers", in: 0...1 << 20) ?? 0
        return layers > 0 && Device.openCLCount > 0 ? try .opencl(0) : .cpu
    }

    /// Slots, context and cache as the flags say.
    func engineSettings(_ arguments: Arguments) throws -> Engine.Settings {
        var settings = Engine.Settings()
        let most = loaded.model.context
        let size = try arguments.int("ctx-size", in: 0...1 << 24) ?? min(4096, most)
        guard size <= most else {
            throw BenchmarkError.failure(
                "-c \(size): \(loaded.name) was made for at most \(most) tokens")
        }
        settings.context = size == 0 ? most : size
        settings.batch = try arguments.int("batch-size", in: 1...1 << 16) ?? settings.batch
        if let name = arguments.text("cache-type-k") ?? arguments.text("cache-type-v") {
            guard let format = CacheFormat(rawValue: name) else {
                let known = CacheFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw BenchmarkError.usage("--cache-type-k is \(name), but must be one of \(known)")
            }
            settings.format = format
        }
        return settings
    }

    /// The tokens of a prompt, with the mark that begins a text.
    func tokens(_ text: String) -> [Int] {
        let begins = startMark.map { text.hasPrefix($0) } ?? false
        return tokenizer.encode(text, addsMarks: !begins)
    }

    /// The mark that begins a text, where the vocabulary puts one.
    var startMark: String? {
        tokenizer.encode("").first.flatMap { tokenizer.token($0) }
    }

    /// The prompt of a conversation, as the model's template writes it.
    func prompt(_ messages: [JSON], _ template: ChatTemplate) throws -> String {
        var variables: [JSON.Member] = []
        if let mark = startMark { variables.append(.init(key: "bos_token", value: .string(mark))) }
        if let mark = loaded.endTokens.first.flatMap({ tokenizer.token($0) }) {
            variables.append(.init(key: "eos_token", value: .string(mark)))
        }
        return try template.prompt(messages, variables: variables)
    }

    /// The template of the flags, or the model's own.
    func template(_ arguments: Arguments) throws -> ChatTemplate {
        if let path = arguments.text("chat-template-file") {
            return try ChatTemplate(String(decoding: readFile(path), as: UTF8.self))
        }
        guard let template = loaded.chatTemplate else {
            throw BenchmarkError.failure(
                "\(loaded.name) has no chat template: apus run -p continues a text, "
                    + "--chat-template-file FILE gives it one")
        }
        return template
    }
}

/// A message of a conversation.
func chatMessage(_ role: String, _ content: String) -> JSON {
    .object([
        .init(key: "role", value: .string(role)), .init(key: "content", value: .string(content)),
    ])
}
