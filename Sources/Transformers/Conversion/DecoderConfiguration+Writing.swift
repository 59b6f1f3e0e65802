import Files
import Tensors

extension DecoderConfiguration {
    /// Adds what a GGUF file says of a decoder.
    func describe(_ architecture: String, into m: inout GGUFMetadata) {
        func set(_ key: String, _ value: GGUFValue) { m["\(architecture).\(key)"] = value }
        func set(_ key: String, _ value: Int) { set(key, .uint32(UInt32(clamping: value))) }
        let names = ModelSizes.Names.gguf
        let ownSize = headSize * heads != channels || architecture.hasPrefix("gemma")
        sizes.describe(architecture, namesHeadSize: ownSize || normsHeads, into: &m)
        switch norm {
        case .rms: set("attention.layer_norm_rms_epsilon", .float32(epsilon))
        case .layer: set("attention.layer_norm_epsilon", .float32(epsilon))
        }
        if let cap = attentionSoftcap { set("attn_logit_softcapping", .float32(cap)) }
        if let cap = logitSoftcap { set("final_logit_softcapping", .float32(cap)) }
        if let size = windows.compactMap({ $0 }).first { set(names.window, size) }
        if let experts {
            set(names.experts, experts.count)
            set(names.activeExperts, experts.active)
        }
        if architecture == "gptneox" { set("use_parallel_residual", .bool(isParallel)) }
        if let rotary {
            set("rope.dimension_count", rotary.dims)
            set("rope.freq_base", .float32(Float(rotary.base)))
            describe(rotary.scaling, set)
        }
    }

    private func describe(
        _ scaling: RotaryPositions.Scaling, _ set: (_ key: String, GGUFValue) -> Void
    ) {
        func scaled(_ name: String, _ factor: Double, _ trained: Int?) {
            set("rope.scaling.type", .text(name))
            set("rope.scaling.factor", .float32(Float(factor)))
            if let trained {
                set("rope.scaling.original_context_length", .uint32(UInt32(clamping: trained)))
            }
        }
        switch scaling {
        // The stretching of llama3 stands in a tensor; that of dynamic depends on the text.
        case .none, .llama3, .dynamic: break
        case .linear(let factor): scaled("linear", factor, nil)
        case .yarn(let yarn):
            scaled("yarn", yarn.factor, yarn.trained)
            let usual = RotaryPositions.YaRN.scale(yarn.factor)
            if yarn.scale != usual {
                set("rope.scaling.attn_factor", .float32(Float(yarn.scale / usual)))
            }
            if yarn.fast != 32 { set("rope.scaling.yarn_beta_fast", .float32(Float(yarn.fast))) }
            if yarn.slow != 1 { set("rope.scaling.yarn_beta_slow", .float32(Float(yarn.slow))) }
        case .long(_, _, let trained, let scale):
            set("rope.scaling.original_context_length", .uint32(UInt32(clamping: trained)))
            set("rope.scaling.attn_factor", .float32(Float(scale)))
        }
    }
}

extension DecoderConfiguration {
    /// What a GGUF file cannot say of a decoder, because its readers take it from the architecture; nil if all is usual.
    func unusual(_ architecture: String) -> String? {
        if !hasUsualWindows(architecture) { return "which of its layers have a window" }
        let usual: Activation =
            switch architecture {
            case "gemma2", "gemma3", "gpt2": .geluTanh
            case "gptneox": .gelu
            default: .silu
            }
        if activation != usual { return "its activation" }
        let largest = architecture == "gemma2" ? 46 : 62
        let width =
            architecture.hasPrefix("gemma") && layers == largest ? channels / heads : headSize
        let scale = 1 / Float(width).squareRoot()
        if abs((attentionScale ?? scale) - scale) > 1e-6 || attentionFadesWithDepth {
            return "the scale of its attention"
        }
        return nil
    }

    /// Whether the layers with a window are those that readers of GGUF files take the architecture to have.
    private func hasUsualWindows(_ architecture: String) -> Bool {
        guard windows.contains(where: { $0 != nil }) else {
            return !architecture.hasPrefix("gemma")
        }
        return (0..<layers).allSatisfy { layer in
            let expected =
                switch architecture {
                case "gemma2": layer % 2 == 0
                case "gemma3": (layer + 1) % 6 != 0
                case "llama", "phi3": true
                default: false
                }
            return (window(layer) != nil) == expected
        }
    }
}
