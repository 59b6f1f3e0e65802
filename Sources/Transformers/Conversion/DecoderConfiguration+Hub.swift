import Files
import Tensors

extension DecoderConfiguration {
    /// What the `config.json` of a model that a GGUF file describes says of its architecture.
    func hubConfig(_ d: GGUFDescription) -> [(String, JSON)] {
        switch d.architecture {
        case "gpt2": gpt2Config
        case "gptneox": commonConfig("gpt_neox", "GPTNeoXForCausalLM") + neoxConfig
        case "llama" where experts != nil: commonConfig("mixtral", "MixtralForCausalLM")
        case "llama" where windows.contains { $0 != nil }:
            commonConfig("mistral", "MistralForCausalLM")
        case "llama": commonConfig("llama", "LlamaForCausalLM") + llamaConfig
        case "qwen2": commonConfig("qwen2", "Qwen2ForCausalLM")
        case "qwen3": commonConfig("qwen3", "Qwen3ForCausalLM")
        case "gemma2": commonConfig("gemma2", "Gemma2ForCausalLM") + gemmaConfig
        case "gemma3": commonConfig("gemma3_text", "Gemma3ForCausalLM") + gemmaConfig
        default: commonConfig("phi3", "Phi3ForCausalLM")
        }
    }

    private func commonConfig(_ type: String, _ name: String) -> [(String, JSON)] {
        let names = ModelSizes.Names.hub
        var list: [(String, JSON)] = [
            ("architectures", .array([.string(name)])), ("model_type", .string(type)),
            ("rms_norm_eps", decimal(epsilon)), ("tie_word_embeddings", .bool(isTied)),
            (type.hasPrefix("gemma") ? "hidden_activation" : "hidden_act", .string(activationName)),
        ]
        list += sizes.hub(names)
        if let rotary {
            list.append(("rope_theta", .number(rotary.base)))
            if let scaling = ropeScaling(rotary) { list.append(("rope_scaling", scaling)) }
            if case .long(_, _, let trained, _) = rotary.scaling {
                list.append(("original_max_position_embeddings", .integer(trained)))
            }
        }
        if let experts {
            list.append((names.experts, .integer(experts.count)))
            list.append((names.activeExperts, .integer(experts.active)))
        }
        // Where it is left out, some readers take a usual size.
        let window = windows.compactMap { $0 }.first
        if window != nil || ["mistral", "mixtral", "phi3"].contains(type) {
            list.append((names.window, window.map { .integer($0) } ?? .null))
        }
        return list
    }

    private var llamaConfig: [(String, JSON)] {
        [
            ("attention_bias", .bool(biases.queryKeyValue)), ("mlp_bias", .bool(biases.mlp)),
        ]
    }

    private var gemmaConfig: [(String, JSON)] {
        var list: [(String, JSON)] = []
        if let scale = attentionScale {
            list.append(("query_pre_attn_scalar", .number(Double((1 / (scale * scale)).rounded()))))
        }
        list.append(("attn_logit_softcapping", attentionSoftcap.map { decimal($0) } ?? .null))
        list.append(("final_logit_softcapping", logitSoftcap.map { decimal($0) } ?? .null))
        if let own = windowedRotary {
            list.append(("rope_local_base_freq", .number(own.base)))
            list.append(("sliding_window_pattern", .integer(6)))
        }
        return list
    }

    private var neoxConfig: [(String, JSON)] {
        [
            ("layer_norm_eps", decimal(epsilon)), ("use_parallel_residual", .bool(isParallel)),
            ("rotary_pct", .number(Double(rotary?.dims ?? headSize) / Double(headSize))),
            ("rotary_emb_base", .number(rotary?.base ?? 10000)),
        ]
    }

    private var gpt2Config: [(String, JSON)] {
        [
            ("architectures", .array([.string("GPT2LMHeadModel")])),
            ("model_type", .string("gpt2")), ("layer_norm_epsilon", decimal(epsilon)),
            ("activation_function", .string("gelu_new")), ("tie_word_embeddings", .bool(isTied)),
        ] + sizes.hub(.gpt2)
    }

    /// With as many digits as a Float needs, not as many as a Double has.
    private func decimal(_ value: Float) -> JSON { .number(Double("\(value)") ?? Double(value)) }

    private var activationName: String {
        switch activation {
        case .geluTanh: "gelu_pytorch_tanh"
        case .gelu: "gelu"
        case .relu: "relu"
        default: "silu"
        }
    }

    private func ropeScaling(_ rope: RotaryPositions) -> JSON? {
        func object(_ type: String, _ members: KeyValuePairs<String, JSON>) -> JSON {
            .object(
                [.init(key: "rope_type", value: .string(type))]
                    + members.map { JSON.Member(key: $0.key, value: $0.value) })
        }
        switch rope.scaling {
        case .linear(let factor): return object("linear", ["factor": .number(factor)])
        case .yarn(let yarn):
            return object(
                "yarn",
                [
                    "factor": .number(yarn.factor),
                    "original_max_position_embeddings": .integer(yarn.trained),
                    "beta_fast": .number(yarn.fast), "beta_slow": .number(yarn.slow),
                    "attention_factor": .number(yarn.scale),
                ])
        case .long(let short, let long, let trained, let scale):
            return object(
                "longrope",
                [
                    "short_factor": .array(short.map { .number($0) }),
                    "long_factor": .array(long.map { .number($0) }),
                    "original_max_position_embeddings": .integer(trained),
                    "attention_factor": .number(scale),
                ])
        case .none where !rope.divisors.isEmpty:
            // llama3's factors, as numbers: the form that takes any, the same for short and long texts.
            let list = JSON.array(rope.divisors.map { .number($0) })
            return object(
                "longrope",
                [
                    "short_factor": list, "long_factor": list, "attention_factor": .number(1),
                    "original_max_position_embeddings": .integer(context),
                ])
        default: return nil
        }
    }
}
