import Files

/// Llama 1, 2 and 3 (Touvron et al. 2023), and many models that are built like it.
enum Llama: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try DecoderConfiguration(common: f)
        let hasBias = try f.flag("attention_bias", usual: false)
        c.biases = .init(
            queryKeyValue: hasBias, attentionOutput: hasBias,
            mlp: try f.flag("mlp_bias", usual: false))
        c.rotary = try c.rotary(f)
        return c
    }

    /// GGUF files have the rows of queries and keys in the order that turns neighbours. Mistral and Mixtral are Llamas
    /// there too.
    static func adapt(_ c: inout DecoderConfiguration, _ d: GGUFDescription) throws(FileError) {
        try c.setRotary(d, isInterleaved: true)
        try c.setWindows(d) { _ in true }
        c.biases = .init(
            queryKeyValue: d.file.contains("blk.0.attn_q.bias"),
            attentionOutput: d.file.contains("blk.0.attn_output.bias"),
            mlp: d.file.contains("blk.0.ffn_up.bias"))
    }
}
