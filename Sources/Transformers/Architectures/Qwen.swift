import Files

/// Qwen 2 and 2.5 (Yang et al. 2024): Llama with biases of queries, keys and values.
enum Qwen2: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try DecoderConfiguration(common: f, context: 32768)
        c.biases.queryKeyValue = true
        c.rotary = try c.rotary(f)
        try setWindows(&c, f)
        return c
    }

    /// The layers behind `max_window_layers` have a window, where any have.
    static func setWindows(_ c: inout DecoderConfiguration, _ f: ConfigFields) throws(FileError) {
        guard try f.flag("use_sliding_window", usual: false) else { return }
        let first = try f.count("max_window_layers", least: 0, usual: 28)
        try c.setWindows(f, size: try f.window()) {
            $0 >= first
        }
    }

    static func adapt(_ c: inout DecoderConfiguration, _ d: GGUFDescription) throws(FileError) {
        try c.setRotary(d)
        c.biases.queryKeyValue = true
    }
}

/// Qwen 3 (Yang et al. 2025): norms of queries and keys instead of biases.
enum Qwen3: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try DecoderConfiguration(common: f, context: 32768)
        let hasBias = try f.flag("attention_bias", usual: false)
        c.biases = .init(queryKeyValue: hasBias, attentionOutput: hasBias)
        if f["head_dim"] == nil { c.headSize = 128 }
        c.normsHeads = true
        c.rotary = try c.rotary(f)
        try Qwen2.setWindows(&c, f)
        return c
    }

    static func adapt(_ c: inout DecoderConfiguration, _ d: GGUFDescription) throws(FileError) {
        try c.setRotary(d)
        c.normsHeads = true
    }
}
