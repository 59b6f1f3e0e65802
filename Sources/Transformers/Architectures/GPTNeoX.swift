import Files
import Tensors

/// GPT-NeoX and Pythia (Black et al. 2022): attention and MLP side by side, a part of each head turns.
enum GPTNeoX: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try DecoderConfiguration(common: f)
        (c.norm, c.queryKeyValue, c.isGated) = (.layer, .interleaved, false)
        c.epsilon = Float(try f.number("layer_norm_eps", usual: 1e-5))
        c.activation = try f.activation("hidden_act", usual: "gelu")
        c.isParallel = try f.flag("use_parallel_residual", usual: true)
        let hasBias = try f.flag("attention_bias", usual: true)
        c.biases = .init(queryKeyValue: hasBias, attentionOutput: hasBias, mlp: true)
        c.rotary = try c.rotary(
            f, base: f.number("rotary_emb_base", usual: 10000),
            share: f.number("rotary_pct", usual: 0.25))
        c.names = names
        return c
    }

    private static var names: DecoderNames {
        var n = DecoderNames()
        (n.embedding, n.head) = ("gpt_neox.embed_in", "embed_out")
        (n.layers, n.norm) = ("gpt_neox.layers", "gpt_neox.final_layer_norm")
        n.queryKeyValue = "attention.query_key_value"
        n.attentionOutput = "attention.dense"
        (n.up, n.down) = ("mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
        return n
    }

    static func adapt(_ c: inout DecoderConfiguration, _ d: GGUFDescription) throws(FileError) {
        (c.norm, c.queryKeyValue, c.isGated) = (.layer, .joined, false)
        c.epsilon = Float(try d.fields.number("attention.layer_norm_epsilon"))
        c.activation = .gelu
        c.isParallel = try d.fields.flag("use_parallel_residual", usual: true)
        c.biases = .init(queryKeyValue: true, attentionOutput: true, mlp: true)
        c.rotary = try c.ggufRotary(d, false)
        c.names = names
    }
}
