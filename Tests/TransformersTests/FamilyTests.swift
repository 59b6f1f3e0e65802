import Files
import Networks
import Tensors
import Testing

@testable import Transformers

/// The families by their descriptions.
@Suite struct FamilyTests {
    /// Small models of every family, as `config.json` has them.
    static let descriptions = [
        "gpt2": #"{"vocab_size": 40, "n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 32}"#,
        "llama": llama(#""rope_scaling": {"type": "dynamic", "factor": 2.0}"#),
        "mistral": llama(#""sliding_window": 5"#),
        "mixtral": llama(#""num_local_experts": 3, "num_experts_per_tok": 2"#),
        "qwen2": llama(#""use_sliding_window": true, "sliding_window": 4, "max_window_layers": 1"#),
        "qwen3": llama(#""head_dim": 16"#),
        "gemma2": llama(#""head_dim": 16, "sliding_window": 4, "query_pre_attn_scalar": 16"#),
        "gemma3_text": llama(#""head_dim": 16, "sliding_window": 4, "sliding_window_pattern": 2"#),
        "phi3": llama(
            #""rope_scaling": {"type": "yarn", "factor": 2.0, "original_max_position_embeddings": 16}"#
        ),
        "gpt_neox": llama(#""rotary_pct": 0.5"#),
    ]

    private static func llama(_ more: String) -> String {
        #"""
        {"vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 48, "max_position_embeddings": 32, \#(more)}
        """#
    }

    private func fields(_ text: String, _ type: String) throws -> ConfigFields {
        let json = try JSON(parsing: Array(text.utf8), path: "config.json")
        let member = JSON.Member(key: "model_type", value: .string(type))
        return ConfigFields(json: .object((json.members ?? []) + [member]), path: "config.json")
    }

    @Test(arguments: Array(descriptions.keys).sorted())
    func everyFamilySeesTheSameWithAndWithoutACache(type: String) throws {
        let configuration = try DecoderConfiguration(
            config: fields(Self.descriptions[type] ?? "", type))
        for device in Device.all {
            let model = Decoder(ParameterStore(seed: 5, on: device).scope, configuration)
            let ids = (0..<14).map { $0 * 7 % 40 }
            let whole = model(
                Tensor(ids.map { Int32($0) }, shape: [1, 14], on: device))[0].contiguous()
            let cache = model.makeCache(slots: 1, capacity: 14, format: .f32)
            let first = model.logits(TokenBatch(Array(ids[..<9]), wanted: .all), cache)
            let steps = ids[9...].map { model.logits(TokenBatch([$0]), cache) }
            let parts = Tensor.concatenated([first] + steps)
            // A base that follows the length at hand lets the two differ beyond the trained length only.
            let pairs = zip(whole.scalars(), parts.scalars())
            #expect(pairs.allSatisfy { abs($0 - $1) < 2e-4 }, "\(type) on \(device)")
        }
    }

    @Test(arguments: Array(descriptions.keys).sorted())
    func everyParameterGetsAFiniteGradient(type: String) throws {
        let configuration = try DecoderConfiguration(
            config: fields(Self.descriptions[type] ?? "", type))
        let store = ParameterStore(seed: 5)
        let model = Decoder(store.scope, configuration)
        let tokens = Tensor((0..<24).map { Int32($0 * 5 % 40) }, shape: [2, 12])
        let targets = Tensor((0..<24).map { Int32($0 * 3 % 40) })
        let (_, gradients) = store.valueAndGradients {
            model(tokens).flattened(0, 1).crossEntropy(targets)
        }
        for entry in gradients.entries {
            let norm = entry.gradient.norm().item()
            #expect(norm.isFinite && norm > 0, "\(type) \(entry.parameter.name)")
        }
    }

    @Test(arguments: [
        #""hidden_size": -16"#, #""hidden_size": 0"#, #""hidden_size": "32""#,
        #""hidden_size": 1e300"#, #""num_attention_heads": 0"#, #""num_attention_heads": 3"#,
        #""num_key_value_heads": 3"#, #""vocab_size": 9223372036854775807"#,
        #""num_hidden_layers": 1000000000"#, #""hidden_act": "nosuch""#, #""head_dim": 7"#,
        #""rope_scaling": {"type": "nosuch", "factor": 2.0}"#, #""rope_theta": -1"#,
        #""rope_scaling": {"type": "longrope", "short_factor": [1], "long_factor": [2]}"#,
        #""rope_scaling": {"type": "linear", "factor": 0}"#, #""rms_norm_eps": "x""#,
    ])
    func hostileDescriptionsAreRefused(field: String) throws {
        let fields = try fields(Self.llama(field), "llama")
        #expect(throws: FileError.self) { try DecoderConfiguration(config: fields) }
    }

    @Test func whatANullSwitchesOffIsOff() throws {
        let usual = try DecoderConfiguration(
            config: fields(Self.llama(#""use_cache": true"#), "gemma2"))
        #expect(usual.attentionSoftcap == 50 && usual.logitSoftcap == 30)
        let caps = "\"attn_logit_softcapping\": null, \"final_logit_softcapping\": null"
        let none = try DecoderConfiguration(config: fields(Self.llama(caps), "gemma2"))
        #expect(none.attentionSoftcap == nil && none.logitSoftcap == nil)
    }

    @Test func unknownFamiliesAreRefused() throws {
        for type in ["nosuch", ""] {
            let fields = try fields(Self.llama(#""x": 1"#), type)
            #expect(throws: FileError.self) { try DecoderConfiguration(config: fields) }
        }
    }

    @Test func ropesStretch() {
        var rope = RotaryPositions(base: 10000, dims: 8)
        let plain = rope.frequencies(length: 100)
        rope.scaling = .linear(factor: 4)
        #expect(zip(plain, rope.frequencies(length: 100)).allSatisfy { abs($0 / 4 - $1) < 1e-7 })
        rope.scaling = .dynamic(factor: 2, trained: 64)
        #expect(rope.frequencies(length: 64) == plain)
        let longer = rope.frequencies(length: 128)
        #expect(longer[0] == 1 && zip(longer.dropFirst(), plain.dropFirst()).allSatisfy { $0 < $1 })
        rope.scaling = .long(short: [1, 1, 1, 1], long: [2, 2, 2, 2], trained: 64, scale: 1.5)
        #expect(rope.frequencies(length: 64) == plain && rope.scale == 1.5)
        #expect(rope.frequencies(length: 65)[0] == 0.5)
        rope.scaling = .yarn(.init(factor: 4, trained: 64, scale: 1))
        let yarn = rope.frequencies(length: 100)
        #expect(yarn[0] == plain[0] && abs(yarn[3] - plain[3] / 4) < 1e-7)
    }
}
