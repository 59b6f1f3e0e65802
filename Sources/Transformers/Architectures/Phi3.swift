import Files

/// Phi 3 and 3.5 (Abdin et al. 2024): Llama with joined maps.
enum Phi3: Family {
    static func configuration(_ f: ConfigFields) throws(FileError) -> DecoderConfiguration {
        var c = try DecoderConfiguration(common: f, context: 4096)
        c.queryKeyValue = .joined
        c.joinsGate = true
        c.rotary = try c.rotary(f)
        try c.setWindows(f, size: try f.window()) { _ in true
        }
        return c
    }

    static func adapt(_ c: inout DecoderConfiguration, _ d: GGUFDescription) throws(FileError) {
        try c.setRotary(d)
        (c.queryKeyValue, c.joinsGate) = (.joined, true)
        try c.setWindows(d) { _ in true }
    }
}
