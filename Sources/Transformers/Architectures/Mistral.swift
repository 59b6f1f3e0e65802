import Files

/// Mistral (Jiang et al. 2023): Llama whose tokens see a window of keys.
enum Mistral: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try DecoderConfiguration(common: f, context: 1 << 17)
        c.rotary = try c.rotary(f)
        try c.setWindows(f, size: try f.window()) { _ in true
        }
        return c
    }
}

/// Mixtral (Jiang et al. 2024): Mistral whose MLPs are chosen from several experts.
enum Mixtral: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try Mistral.configuration(f)
        c.experts = try f.experts(.hub, usual: (count: 8, active: 2))
        return c
    }
}
