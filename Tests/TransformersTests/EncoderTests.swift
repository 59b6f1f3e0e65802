import Files
import Networks
import Support
import Tensors
import Testing
import Text

@testable import Transformers

@Suite struct EncoderTests {
    private static let fields: [(String, JSON)] = [
        ("vocab_size", .integer(50)), ("hidden_size", .integer(32)),
        ("num_hidden_layers", .integer(2)), ("num_attention_heads", .integer(4)),
        ("intermediate_size", .integer(64)), ("max_position_embeddings", .integer(20)),
    ]

    private static func configuration(_ more: [(String, JSON)] = []) throws -> BERTConfiguration {
        let members = (fields + more).map { JSON.Member(key: $0.0, value: $0.1) }
        return try BERTConfiguration(config: ConfigFields(json: .object(members), path: "test"))
    }

    private static func model() throws -> BERT {
        BERT(ParameterStore(seed: 3).scope, try configuration())
    }

    @Test func neighboursDoNotChangeAText() throws {
        let model = try Self.model()
        let texts = [[5, 6, 7], [8, 9, 10], [1], [2, 3, 4, 5, 6, 7, 8], [11, 12, 13]]
        let together = noGrad { Pooling.mean(model(PackedTexts(texts)), of: PackedTexts(texts)) }
        for (i, text) in texts.enumerated() {
            let packed = PackedTexts([text])
            let alone = noGrad { Pooling.mean(model(packed), of: packed) }
            let difference = abs(together[i] - alone[0]).max().item()
            #expect(difference < 1e-5, "text \(i)")
        }
    }

    @Test func poolingTakesTheRightRows() {
        let texts = PackedTexts([[1, 2], [3], [4, 5, 6]])
        let states = Tensor([[0], [2], [4], [6], [8], [13]])
        #expect(Pooling.mean(states, of: texts).scalars() == [1, 4, 9])
        #expect(Pooling.cls(states, of: texts).scalars() == [0, 4, 6])
        #expect(Pooling.last(states, of: texts).scalars() == [2, 4, 13])
        let rows = Tensor([[3, 4], [0, 0]]).normalizedRows().scalars()
        #expect(rows == [0.6, 0.8, 0, 0])
    }

    @Test func whatIsAbsurdIsRefused() {
        for (key, value) in [
            ("num_attention_heads", JSON.integer(5)), ("hidden_act", .string("sine")),
            ("vocab_size", .integer(-1)), ("position_embedding_type", .string("relative_key")),
            ("num_hidden_layers", .integer(100_000)), ("layer_norm_eps", .string("small")),
        ] {
            #expect(throws: FileError.self, "\(key)") {
                _ = try Self.configuration([(key, value)])
            }
        }
    }

    /// A classifier on the pooler, on a map of its own, and on every token: told apart by what the checkpoint has.
    @Test(arguments: ["pooled", "squashed", "tokens"])
    func classifiersAreFoundByTheirTensors(style: String) throws {
        let configuration = try Self.configuration()
        let store = ParameterStore(seed: 3)
        _ = BERT(store.scope, configuration)
        var tensors = Dictionary(
            uniqueKeysWithValues: store.parameters.map { ("bert.\($0.name)", $0.value) })
        var key = RandomKey(seed: 4)
        let (square, bias) = (key.normal([32, 32]), key.normal([32]))
        let (last, lastBias) = (key.normal([3, 32]), key.normal([3]))
        let dense = ["pooled": "bert.pooler.dense", "squashed": "classifier.dense"][style]
        if let dense { (tensors["\(dense).weight"], tensors["\(dense).bias"]) = (square, bias) }
        let output = style == "squashed" ? "classifier.out_proj" : "classifier"
        (tensors["\(output).weight"], tensors["\(output).bias"]) = (last, lastBias)
        let loaded = try LoadedBERT(
            Checkpoint(fileTensors: tensors, origin: "test"), configuration, on: .cpu)
        let classifier = try #require(loaded.classifier)
        #expect(classifier.subject == (style == "tokens" ? .tokens : .texts))
        let texts = PackedTexts([[5, 6, 7], [8, 9]])
        noGrad {
            let states = loaded.model(texts)
            let first = Tensor.stacked([states[0], states[3]])
            let seen = dense == nil ? states : tanh(first.matmul(square.transposed()) + bias)
            let wanted = seen.matmul(last.transposed()) + lastBias
            let found = classifier(states, of: texts, pooler: loaded.pooler)
            #expect(found.shape == wanted.shape && abs(found - wanted).max().item() < 1e-4)
        }
    }

    @Test func robertaCountsFromBehindThePadding() throws {
        let c = try Self.configuration([
            ("model_type", .string("roberta")), ("pad_token_id", .integer(1)),
        ])
        #expect(c.paddingToken == 1 && c.context == 18)
    }

    @Test func distancesFallIntoBuckets() throws {
        let c = try Self.t5Configuration()
        let store = ParameterStore(seed: 1)
        let both = RelativeBias(store.scope["a"], c, isTwoSided: true)
        let back = RelativeBias(store.scope["b"], c, isTwoSided: false)
        // As transformers has them, for 32 buckets up to a distance of 128.
        #expect([0, -1, -7, -8, -20, -127, -500].map(both.bucket) == [0, 1, 7, 8, 10, 15, 15])
        #expect([1, 7, 8, 20, 127, 500].map(both.bucket) == [17, 23, 24, 26, 31, 31])
        #expect([3, 0, -15, -16, -30, -127, -500].map(back.bucket) == [0, 0, 15, 16, 20, 31, 31])
    }

    private static func t5Configuration() throws -> T5Configuration {
        let fields: [(String, JSON)] = [
            ("vocab_size", .integer(40)), ("d_model", .integer(16)), ("num_layers", .integer(2)),
            ("num_heads", .integer(2)), ("d_kv", .integer(8)), ("d_ff", .integer(32)),
        ]
        let members = fields.map { JSON.Member(key: $0.0, value: $0.1) }
        return try T5Configuration(config: ConfigFields(json: .object(members), path: "test"))
    }

    @Test(arguments: CacheFormat.allCases)
    func aT5GoesOnFromItsCache(format: CacheFormat) throws {
        let model = T5(ParameterStore(seed: 5).scope, try Self.t5Configuration(), hasHead: false)
        let source = [4, 5, 6, 7]
        let written = [0, 9, 8, 7, 6]
        let whole = noGrad { model(PackedTexts([written]), from: PackedTexts([source])) }
        let cache = model.makeCache(slots: 2, capacity: 8, format: format)
        try noGrad {
            model.read([source], into: [0], of: cache)
            _ = model.logits(TokenBatch(Array(written[..<3]), wanted: .none), cache)
            cache.copy(0, to: 1)
            cache.truncate(1, to: 2)
            let again = model.logits(TokenBatch(Array(written[2...]), slot: 1, wanted: .all), cache)
            let tolerance: Float = format == .f32 ? 1e-5 : 5e-2
            for i in 0..<3 {
                #expect(abs(again[i] - whole[i + 2]).max().item() < tolerance)
            }
            // Through a file into a cache of its own.
            let folder = TemporaryFolder()
            let path = "\(folder.path)/cache.safetensors"
            try writeSafetensors(cache.tensors(1), to: path)
            let other = model.makeCache(slots: 1, capacity: 8, format: format)
            try other.restore(0, count: 5, from: SafetensorsFile(path: path))
            let (a, b) = (
                model.logits(TokenBatch([3], slot: 1), cache), model.logits(TokenBatch([3]), other)
            )
            #expect(a.scalars() == b.scalars())
        }
    }
}
