import Files
import Glibc

extension DecoderConfiguration {
    /// The rope as `config.json` describes it: `rope_theta` and `rope_scaling`, or both in `rope_parameters`, which may be
    /// sorted by kinds of layers.
    func rotary(
        _ f: ConfigFields, base: Double = 10000, share: Double = 1, kind: String = "full_attention"
    ) throws(FileError) -> RotaryPositions {
        let parameters = f.below("rope_parameters").map { $0.below(kind) ?? $0 }
        let scaling = parameters ?? f.below("rope_scaling")
        let own = parameters ?? f
        let theta = try own.number("rope_theta", usual: f.number("rope_theta", usual: base))
        let part = try own.number(
            "partial_rotary_factor", usual: f.number("partial_rotary_factor", usual: share))
        guard part <= 1 else { throw FileError(f.path, "partial_rotary_factor is \(part)") }
        var rope = RotaryPositions(base: theta, dims: Int(Double(headSize) * part))
        if let scaling { rope.scaling = try self.scaling(scaling, f, rope.dims) }
        return rope
    }

    private func scaling(_ s: ConfigFields, _ f: ConfigFields, _ dims: Int) throws(FileError)
        -> RotaryPositions.Scaling
    {
        let key = "original_max_position_embeddings"
        let usual = try f.optionalCount(key, most: ModelSizes.longest)
        let trained = try s.optionalCount(key, most: ModelSizes.longest) ?? usual
        switch s["rope_type"]?.string ?? s["type"]?.string ?? "default" {
        case "default", "mrope": return .none
        case "linear": return .linear(factor: try s.number("factor"))
        case "dynamic":
            return .dynamic(factor: try s.number("factor"), trained: trained ?? context)
        case "llama3":
            let (low, high) = (
                try s.number("low_freq_factor", usual: 1),
                try s.number("high_freq_factor", usual: 4)
            )
            guard low < high else { throw FileError(s.path, "low_freq_factor is too high") }
            return .llama3(
                factor: try s.number("factor"), low: low, high: high, trained: trained ?? context)
        case "yarn": return .yarn(try yarn(s, trained ?? context))
        case "longrope", "su": return try long(s, trained ?? context, dims)
        case let type: throw FileError(s.path, "rope scaling of the type \(type) is not known")
        }
    }

    private func yarn(_ s: ConfigFields, _ trained: Int) throws(FileError) -> RotaryPositions.YaRN {
        let factor = try s.number("factor", usual: Double(context) / Double(trained))
        var scale = RotaryPositions.YaRN.scale(factor)
        if let weight = try s.optionalNumber("mscale"),
            let all = try s.optionalNumber("mscale_all_dim")
        {
            scale =
                RotaryPositions.YaRN.scale(factor, weight) / RotaryPositions.YaRN.scale(factor, all)
        }
        return RotaryPositions.YaRN(
            factor: factor, trained: trained, fast: try s.number("beta_fast", usual: 32),
            slow: try s.number("beta_slow", usual: 1),
            truncates: try s.flag("truncate", usual: true),
            scale: try s.number("attention_factor", usual: scale))
    }

    private func long(_ s: ConfigFields, _ trained: Int, _ dims: Int) throws(FileError)
        -> RotaryPositions.Scaling
    {
        let factor =
            trained == context
            ? try s.number("factor", usual: 1) : Double(context) / Double(trained)
        let scale = try s.number("attention_factor", usual: longScale(factor, trained))
        return .long(
            short: try s.numbers("short_factor", count: dims / 2),
            long: try s.numbers("long_factor", count: dims / 2), trained: trained, scale: scale)
    }

    /// The scale of cosines and sines for sequences stretched by a factor (LongRoPE).
    func longScale(_ factor: Double, _ trained: Int) -> Double {
        guard factor > 1, trained > 1 else { return 1 }
        return (1 + log(factor) / log(Double(trained))).squareRoot()
    }
}
