import Files
import Tensors

/// Gemma 2 (Gemma Team 2024): soft caps, norms before and behind, every other layer with a window.
enum Gemma2: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try common(f)
        c.attentionSoftcap = try f.optionalNumber("attn_logit_softcapping", usual: 50).map {
            Float($0)
        }
        c.logitSoftcap = try f.optionalNumber("final_logit_softcapping", usual: 30).map {
            Float($0)
        }
        c.rotary = try c.rotary(f)
        try c.setWindows(f, size: try f.window(usual: 4096)) {
            $0 % 2 == 0
        }
        return c
    }

    /// What all Gemmas have.
    static func common(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try DecoderConfiguration(common: f, context: 8192)
        if f["head_dim"] == nil { c.headSize = 256 }
        if f["hidden_activation"] != nil || f["hidden_act"] == nil {
            c.activation = try f.activation("hidden_activation", usual: "gelu_pytorch_tanh")
        }
        c.isTied = try f.flag("tie_word_embeddings", usual: true)
        c.norm = .rms(unitOffset: true)
        c.normsResults = true
        c.embeddingScale = Float(c.channels).squareRoot()
        c.attentionScale =
            1 / Float(try f.number("query_pre_attn_scalar", usual: 256)).squareRoot()
        let hasBias = try f.flag("attention_bias", usual: false)
        c.biases = .init(queryKeyValue: hasBias, attentionOutput: hasBias)
        c.names.mlpNorm = "pre_feedforward_layernorm"
        return c
    }

    /// The largest model of the family has another scale of scores.
    static func adapt(_ c: inout DecoderConfiguration, _ d: GGUFDescription) throws(FileError) {
        try adaptCommon(&c, d, largest: 46)
        c.attentionSoftcap = Float(try d.fields.number("attn_logit_softcapping", usual: 50))
        c.logitSoftcap = Float(try d.fields.number("final_logit_softcapping", usual: 30))
        try c.setWindows(d) { $0 % 2 == 0 }
    }

    /// What all Gemmas have; their norms' weights are stored plus one.
    static func adaptCommon(
        _ c: inout DecoderConfiguration, _ d: GGUFDescription, largest layers: Int
    ) throws(FileError) {
        try c.setRotary(d)
        c.activation = .geluTanh
        c.normsResults = true
        c.embeddingScale = Float(c.channels).squareRoot()
        let width = c.layers == layers ? c.channels / c.heads : c.headSize
        c.attentionScale = 1 / Float(width).squareRoot()
        c.names.mlpNorm = "pre_feedforward_layernorm"
    }
}

/// Gemma 3 (Gemma Team 2025), text only: norms of queries and keys, five layers with a window and a rope of their own to
/// each one without.
enum Gemma3: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        // Models that also see pictures keep this part below "text_config".
        let isPart = f.below("text_config") != nil
        let f = f.below("text_config") ?? f
        var c = try Gemma2.common(f)
        if isPart { c.names = c.names.prefixed("language_model.") }
        c.normsHeads = true
        c.logitSoftcap = try f.optionalNumber("final_logit_softcapping").map { Float($0) }
        c.rotary = try c.rotary(f, base: 1_000_000)
        if f.below("rope_parameters") != nil {
            c.windowedRotary = try c.rotary(f, kind: "sliding_attention")
        } else {
            let base = try f.number("rope_local_base_freq", usual: 10000)
            c.windowedRotary = RotaryPositions(base: base, dims: c.headSize)
        }
        let period = try f.count(
            "sliding_window_pattern", usual: f.count("_sliding_window_pattern", usual: 6))
        try c.setWindows(f, size: try f.window(usual: 4096)) {
            ($0 + 1) % period != 0
        }
        return c
    }

    static func adapt(_ c: inout DecoderConfiguration, _ d: GGUFDescription) throws(FileError) {
        try Gemma2.adaptCommon(&c, d, largest: 62)
        c.normsHeads = true
        let base = try d.fields.number("rope.freq_base_swa", usual: 10000)
        c.windowedRotary = RotaryPositions(base: base, dims: c.headSize)
        try c.setWindows(d) { ($0 + 1) % 6 != 0 }
    }
}
