import Files
import Glibc
import Networks
import Tensors
import Testing
import Text

@testable import Transformers

/// The engine on real decoders with random weights.
@Suite struct DecoderEngineTests {
    static let words = ["once", "thequickbrownfoxjumps", "a", "zebra", "abcabcabcabc", "upon"]

    /// A small Llama of 26 letters.
    static func decoder(_ format: WeightFormat? = nil, on device: Device = .cpu) throws -> Decoder {
        let text = """
            {"model_type": "llama", "vocab_size": 26, "hidden_size": 64, "intermediate_size": 96,
             "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
             "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000}
            """
        let json = try JSON(parsing: Array(text.utf8), path: "test")
        let store = ParameterStore(seed: 3, on: device)
        let fields = ConfigFields(json: json, path: "test")
        let model = Decoder(store.scope, try DecoderConfiguration(config: fields))
        for parameter in store.parameters(under: "") {
            parameter.update { $0 = $0 * 4 }
        }
        if let format { _ = store.quantize(format) }
        return model
    }

    struct Spoken: Equatable {
        var tokens: [Int] = []
        var logProbabilities: [Float] = []
    }

    static func spoken(
        _ model: Decoder, _ tokenizer: Tokenizer, slots: Int, batch: Int, _ format: CacheFormat,
        _ speculation: Speculation? = nil
    ) throws -> [Spoken] {
        var settings = Engine.Settings()
        (settings.slots, settings.batch, settings.format) = (slots, batch, format)
        settings.context = 96
        let engine = Engine(model, tokenizer, settings)
        engine.speculation = speculation
        var found: [Int: Spoken] = [:]
        let ids = try words.enumerated().map { i, word in
            var request = GenerationRequest(tokenizer.encode(word))
            request.newTokens = 12 + 5 * i
            request.sampler.temperature = i % 2 == 0 ? 0 : 1
            request.chances = 1
            return try engine.submit(request)
        }
        while !engine.isIdle {
            for update in engine.step() {
                guard let token = update.token else { continue }
                found[update.id, default: Spoken()].tokens.append(token)
                found[update.id]?.logProbabilities.append(
                    update.chances?.chosen.logProbability ?? 0)
            }
        }
        return ids.map { found[$0] ?? Spoken() }
    }

    @Test(arguments: ["q8", "q4", "f32", "f16", "bf16"], CacheFormat.allCases)
    func answersAreTheSameToTheBitAloneOrNot(weights: String, format: CacheFormat) throws {
        let tokenizer = try Setup().tokenizer
        let model = try Self.decoder(WeightFormat(weights))
        let alone = try Self.spoken(model, tokenizer, slots: 1, batch: 512, format)
        #expect(alone.map(\.tokens.count) == [12, 17, 22, 27, 32, 37])
        for (slots, batch) in [(3, 512), (6, 7), (2, 32)] {
            let among = try Self.spoken(model, tokenizer, slots: slots, batch: batch, format)
            #expect((among == alone) == true, "\(slots) slots, batches of \(batch)")
        }
    }

    @Test func guessesDoNotChangeTheText() throws {
        let tokenizer = try Setup().tokenizer
        let (model, small) = (try Self.decoder(), try Self.decoder(WeightFormat("q4")))
        let plain = try Self.spoken(model, tokenizer, slots: 2, batch: 512, .f32)
        let ways = [Speculation.lookup(), .draft(small, slots: 2, context: 96, format: .f32)]
        for speculation in ways {
            let guessed = try Self.spoken(model, tokenizer, slots: 2, batch: 512, .f32, speculation)
            #expect(guessed.map(\.tokens) == plain.map(\.tokens))
        }
    }

    @Test(.enabled(if: Device.openCLCount > 0)) func anOpenCLDeviceSaysTheSame() throws {
        let tokenizer = try Setup().tokenizer
        let own = try Self.spoken(Self.decoder(), tokenizer, slots: 3, batch: 64, .f32)
        let device = try Device.opencl(0)
        let other = try Self.spoken(
            Self.decoder(on: device), tokenizer, slots: 3, batch: 64, .f32)
        #expect(other.map(\.tokens) == own.map(\.tokens))
    }

    @Test(arguments: CacheFormat.allCases) func aPromptCacheGoesThroughAFile(format: CacheFormat)
        throws
    {
        let path = "/tmp/apus-decoder-cache-\(format)-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        let tokenizer = try Setup().tokenizer
        let model = try Self.decoder()
        var settings = Engine.Settings()
        (settings.context, settings.format) = (64, format)
        var request = GenerationRequest(tokenizer.encode("thequickbrownfox"), sampler: .greedy)
        request.newTokens = 20
        let engine = Engine(model, tokenizer, settings)
        let (answer, _) = try engine.answer(request)
        try engine.saveCache(of: request.prompt, to: path, identity: "m")
        let other = Engine(model, tokenizer, settings)
        try other.loadCache(path, identity: "m")
        let (again, statistics) = try other.answer(request)
        #expect(again == answer && statistics.reusedTokens == request.prompt.count - 1)
    }

    /// Learned positions cannot be moved: the rest is read anew, as if it had always stood there.
    @Test(arguments: [3, 512]) func theContextOfGPT2Shifts(batch: Int) throws {
        let text = """
            {"model_type": "gpt2", "vocab_size": 26, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 24}
            """
        let fields = ConfigFields(json: try JSON(parsing: Array(text.utf8), path: "t"), path: "t")
        let store = ParameterStore(seed: 5, on: .cpu)
        let model = Decoder(store.scope, try DecoderConfiguration(config: fields))
        for parameter in store.parameters(under: "") { parameter.update { $0 = $0 * 4 } }
        let tokenizer = try Setup().tokenizer
        var settings = Engine.Settings()
        (settings.context, settings.batch, settings.format) = (24, batch, .f32)
        var request = GenerationRequest(tokenizer.encode("thequick"), sampler: .greedy)
        (request.newTokens, request.shiftsContext, request.kept) = (60, true, 4)
        let (answer, statistics) = try Engine(model, tokenizer, settings).answer(request)
        #expect(statistics.readTokens == request.prompt.count)
        var window = request.prompt
        let plain = (0..<60).map { _ in
            if window.count > 24 { window.removeSubrange(4..<14) }
            let cache = model.makeCache(slots: 1, capacity: 24, format: .f32)
            let token = Int(model.logits(TokenBatch(window), cache).argmax(axis: 1).item())
            window.append(token)
            return token
        }
        #expect(answer.tokens == plain)
    }

    @Test func theContextShifts() throws {
        let tokenizer = try Setup().tokenizer
        var settings = Engine.Settings()
        settings.context = 24
        var request = GenerationRequest(tokenizer.encode("thequick"), sampler: .greedy)
        (request.newTokens, request.shiftsContext, request.kept) = (60, true, 4)
        let (answer, _) = try Engine(Self.decoder(), tokenizer, settings).answer(request)
        #expect(answer.tokens.count == 60 && answer.finish == .length)
    }
}
