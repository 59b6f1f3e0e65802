import Files
import Glibc
import Networks
import Tensors
import Testing

@testable import Transformers

/// Folders of random little models of every family, as GGUF and back: the logits stay.
@Suite struct ConversionTests {
    private static let common = """
        "vocab_size": 40, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64
        """

    static let configurations = [
        #"{"model_type": "llama", \#(common), "rms_norm_eps": 1e-5}"#,
        #"{"model_type": "llama", \#(common), "tie_word_embeddings": true, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 16}}"#,
        #"{"model_type": "llama", \#(common), "rope_scaling": {"type": "linear", "factor": 4}}"#,
        #"{"model_type": "mistral", \#(common), "sliding_window": 4, "head_dim": 16}"#,
        #"{"model_type": "mixtral", \#(common), "num_local_experts": 3, "num_experts_per_tok": 2, "sliding_window": null}"#,
        #"{"model_type": "qwen2", \#(common)}"#,
        #"{"model_type": "qwen2", \#(common), "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 16}}"#,
        #"{"model_type": "qwen3", \#(common), "head_dim": 16}"#,
        #"{"model_type": "gemma2", \#(common), "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 4}"#,
        #"{"model_type": "gemma3_text", \#(common), "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 4}"#,
        #"{"model_type": "phi3", \#(common)}"#,
        #"{"model_type": "gpt_neox", \#(common.replacingKeyHeads), "layer_norm_eps": 1e-5}"#,
        #"{"model_type": "gpt2", "vocab_size": 40, "n_positions": 64, "n_embd": 32, "n_layer": 3, "n_head": 4}"#,
    ]

    @Test(arguments: configurations)
    func aFolderSurvivesTheWayToGGUFAndBack(config: String) throws {
        let base = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max)))"
        let (first, file, second) = ("\(base)-a", "\(base).gguf", "\(base)-b")
        defer { for path in [first, second] { Self.remove(path) } }
        defer { unlink(file) }
        try Self.writeModel(config, first)
        try convertFolder(first, to: file, type: .f32)
        try convertGGUF(file, to: second, dtype: .f32)
        let tokens = Tensor((0..<24).map { Int32($0 * 7 % 40) }, shape: [1, 24], on: .cpu)
        let logits = try [first, file, second].map { path in
            try noGrad { try LoadedModel.load(path, .f32, on: .cpu).model(tokens) }
        }
        let values = logits.map { $0.scalars() }
        let scale = values[0].map { abs($0) }.max() ?? 0
        for other in values[1...] {
            let error = zip(values[0], other).map { abs($0 - $1) }.max() ?? .infinity
            #expect(error < 1e-4 * scale)
        }
        #expect(scale > 0.01)
    }

    @Test(arguments: [
        #"{"model_type": "bert", "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 32}"#,
        #"{"model_type": "t5", "vocab_size": 40, "d_model": 16, "num_layers": 2, "num_heads": 2, "d_kv": 4, "d_ff": 24, "is_encoder_decoder": true}"#,
        #"{"model_type": "t5", "vocab_size": 40, "d_model": 16, "num_layers": 2, "num_decoder_layers": 1, "num_heads": 2, "d_kv": 4, "d_ff": 24, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}"#,
    ])
    func anEncoderSurvivesTheWayToGGUFAndBack(config: String) throws {
        let base = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max)))"
        let (first, file, second) = ("\(base)-a", "\(base).gguf", "\(base)-b")
        defer { for path in [first, second] { Self.remove(path) } }
        defer { unlink(file) }
        let texts = PackedTexts([[3, 7, 11, 2], [5]])
        try Self.writeEncoder(config, first)
        try convertFolder(first, to: file, type: .f32)
        try checkModel(file)
        try convertGGUF(file, to: second, dtype: .f32)
        let before = try SafetensorsFolder(path: first)
        let after = try SafetensorsFolder(path: second)
        #expect(Set(before.entries.map(\.name)) == Set(after.entries.map(\.name)))
        for entry in before.entries {
            let values = try [before, after].map { try $0.tensor(entry.name, on: .cpu).scalars() }
            #expect(values[0] == values[1], "\(entry.name)")
        }
        let read = try GGUFFile(path: file)
        let states =
            config.contains("bert")
            ? [
                try LoadedBERT(folder: first, on: .cpu).model(texts),
                try LoadedBERT(gguf: read, nil, on: .cpu).model(texts),
            ]
            : [
                try LoadedT5(folder: first, on: .cpu).encoder(texts),
                try LoadedT5(gguf: read, on: .cpu).encoder(texts),
            ]
        #expect(states[0].scalars() == states[1].scalars())
    }

    private static func writeEncoder(_ config: String, _ folder: String) throws {
        mkdir(folder, 0o755)
        try writeFile("\(folder)/config.json", [Array(config.utf8)])
        let store = ParameterStore(seed: 3, on: .cpu)
        let fields = try ConfigFields(folder: folder)
        if config.contains("bert") {
            _ = BERT(store.scope, try BERTConfiguration(config: fields))
        } else {
            let isTied = !config.contains("tie_word_embeddings")
            _ = T5(store.scope, try T5Configuration(config: fields), hasHead: !isTied)
        }
        try store.save(to: "\(folder)/model.safetensors")
    }

    @Test(arguments: [
        (["x": [2, 2]], "no tensor"), (["model.layers.7.mlp.up_proj.weight": [48, 32]], "layer"),
        (["model.norm.bias": [32]], "model"),
    ])
    func tensorsOfOtherModelsAreRefused(extra: [String: [Int]], problem: String) throws {
        let base = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max)))"
        defer { Self.remove(base) }
        try Self.writeModel(Self.configurations[0], base, extra: extra)
        #expect {
            try convertFolder(base, to: "\(base).gguf")
        } throws: {
            "\($0)".contains(problem)
        }
        #expect(!exists("\(base).gguf"))
    }

    @Test(arguments: [
        (
            9, #""sliding_window": 4"#, #""sliding_window": 4, "sliding_window_pattern": 2"#,
            "window"
        ),
        (8, #""query_pre_attn_scalar": 8"#, #""query_pre_attn_scalar": 12"#, "scale"),
        (0, #""rms_norm_eps": 1e-5"#, #""hidden_act": "relu""#, "activation"),
    ])
    func whatAGGUFFileCannotSayIsRefused(number: Int, part: String, other: String, problem: String)
        throws
    {
        let base = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max)))"
        defer { Self.remove(base) }
        try Self.writeModel(Self.configurations[number].replacing(part, with: other), base)
        #expect {
            try convertFolder(base, to: "\(base).gguf")
        } throws: {
            "\($0)".contains(problem)
        }
    }

    @Test func importanceIsTheMeanSquareOfInputs() throws {
        let base = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max)))"
        defer { Self.remove(base) }
        try Self.writeModel(Self.configurations[4], base)
        let loaded = try LoadedModel.load(base, .f32, on: .cpu)
        let tokens = (0..<40).map { $0 * 3 % 40 }
        let matrix = loaded.importance(of: tokens, chunk: 16, dataset: "made up")
        #expect(matrix.chunkCount == 2)
        let query = try #require(matrix.entries["blk.0.attn_q.weight"])
        // Rows behind a norm whose weights are near 1 have a mean square near 1.
        let mean = query.sums.reduce(0, +) / Float(query.columns) / query.counts[0]
        #expect(query.counts == [32] && abs(mean - 1) < 0.3)
        #expect(matrix.entries["blk.2.ffn_down_exps.weight"]?.counts.count == 3)
        #expect(matrix.entries["output.weight"] != nil)
    }

    // MARK: made-up models

    private static func writeModel(_ config: String, _ folder: String, extra: [String: [Int]] = [:])
        throws
    {
        mkdir(folder, 0o755)
        let path = "\(folder)/config.json"
        try writeFile(path, [Array(config.utf8)])
        let json = try JSON(parsing: Array(config.utf8), path: path)
        let configuration = try DecoderConfiguration(config: ConfigFields(json: json, path: path))
        let store = ParameterStore(seed: 9, on: .cpu)
        _ = Decoder(store.scope, configuration)
        var random = RandomKey(seed: 10)
        var tensors = store.fileTensors().map { name, x in
            let noise = random.normal(x.shape, deviation: 0.1, on: .cpu)
            return (name, x.rank == 1 ? x + noise : x * 10)
        }
        tensors += extra.map { ($0.key, Tensor.zeros($0.value, on: .cpu)) }
        try writeSafetensors(tensors, to: "\(folder)/model.safetensors")
    }

    private static func remove(_ folder: String) {
        for path in (try? filesBelow(folder)) ?? [] { unlink(path) }
        rmdir(folder)
    }
}

extension String {
    /// As many heads of keys as of queries.
    fileprivate var replacingKeyHeads: String {
        split(separator: ",").filter { !$0.contains("key_value") }.joined(separator: ",")
    }
}
