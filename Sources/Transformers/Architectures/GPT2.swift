import Files
import Tensors

/// GPT-2 (Radford et al. 2019): learned positions, layer norms, biases everywhere.
enum GPT2: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        let usual = ModelSizes.Usual(
            vocabulary: 50257, context: 1024, channels: 768, layers: 12, heads: 12, hidden: 4)
        var c = DecoderConfiguration(try ModelSizes(f, .gpt2, usual: usual))
        (c.norm, c.positions, c.queryKeyValue) = (.layer, .learned, .joined)
        c.epsilon = Float(try f.number("layer_norm_epsilon", usual: 1e-5))
        (c.isGated, c.isInputMajor) = (false, true)
        c.activation = try f.activation("activation_function", usual: "gelu_new")
        c.biases = .init(queryKeyValue: true, attentionOutput: true, mlp: true)
        c.isTied = try f.flag("tie_word_embeddings", usual: true)
        if try !f.flag("scale_attn_weights", usual: true) { c.attentionScale = 1 }
        c.attentionFadesWithDepth = try f.flag("scale_attn_by_inverse_layer_idx", usual: false)
        c.names = names
        return c
    }

    private static var names: DecoderNames {
        var n = DecoderNames()
        (n.embedding, n.positions) = ("transformer.wte", "transformer.wpe")
        (n.layers, n.norm) = ("transformer.h", "transformer.ln_f")
        (n.attentionNorm, n.mlpNorm) = ("ln_1", "ln_2")
        (n.queryKeyValue, n.attentionOutput) = ("attn.c_attn", "attn.c_proj")
        (n.up, n.down) = ("mlp.c_fc", "mlp.c_proj")
        return n
    }

    static func adapt(_ c: inout DecoderConfiguration, _ d: GGUFDescription) throws(FileError) {
        (c.norm, c.positions, c.queryKeyValue) = (.layer, .learned, .joined)
        c.epsilon = Float(try d.fields.number("attention.layer_norm_epsilon"))
        (c.isGated, c.activation) = (false, .geluTanh)
        c.biases = .init(queryKeyValue: true, attentionOutput: true, mlp: true)
        c.names = names
    }
}
