import Files
import Tensors

extension DecoderConfiguration {
    /// From a GGUF file's metadata.
    init(gguf d: GGUFDescription) throws(FileError) {
        guard let adapt = DecoderConfiguration.adaptations[d.architecture] else {
            throw EncoderKind.refusal(
                d.architecture, d.file.path, "the architecture \(d.architecture) is not known")
        }
        try self.init(commonGGUF: d)
        try adapt(&self, d)
        self = try checked(d.file.path)
    }

    /// What each architecture does its own way.
    private static let adaptations:
        [String: @Sendable (inout DecoderConfiguration, GGUFDescription) throws(FileError) -> Void] =
            [
                "llama": Llama.adapt, "qwen2": Qwen2.adapt, "qwen3": Qwen3.adapt,
                "gemma2": Gemma2.adapt, "gemma3": Gemma3.adapt, "phi3": Phi3.adapt,
                "gpt2": GPT2.adapt, "gptneox": GPTNeoX.adapt,
            ]

    /// Those that GGUF files may have.
    static var architectures: [String] { adaptations.keys.sorted() }

    /// What all architectures have; the names are Llama's.
    private init(commonGGUF d: GGUFDescription) throws(FileError) {
        let f = d.fields
        guard let embedding = d.file.entry("token_embd.weight"), embedding.shape.count == 2 else {
            throw FileError(f.path, "token_embd.weight is missing or no matrix")
        }
        let tokens = d.file.metadata["tokenizer.ggml.tokens"]?.array?.count
        self.init(
            try ModelSizes(f, .gguf, usual: .init(vocabulary: tokens ?? embedding.shape[0])))
        guard try f.count("attention.value_length", usual: headSize) == headSize else {
            throw FileError(f.path, "heads of keys and values differ in size")
        }
        isTied = !d.file.contains("output.weight")
        biases.head = d.file.contains("output.bias")
        experts = try f.experts(.gguf)
    }

    /// The rope, and the epsilon of RMS norms.
    mutating func setRotary(
        _ d: GGUFDescription, isInterleaved: Bool = false
    ) throws(FileError) {
        let f = d.fields
        epsilon = Float(try f.number("attention.layer_norm_rms_epsilon"))
        rotary = try ggufRotary(d, isInterleaved)
    }

    func ggufRotary(_ d: GGUFDescription, _ isInterleaved: Bool) throws(FileError)
        -> RotaryPositions
    {
        let f = d.fields
        let dims = try f.count("rope.dimension_count", most: ModelSizes.mostHeads, usual: headSize)
        var rope = RotaryPositions(base: try f.number("rope.freq_base", usual: 10000), dims: dims)
        rope.isInterleaved = isInterleaved
        rope.divisors = try d.numbers("rope_freqs.weight", count: dims / 2) ?? []
        let trained = try f.count(
            "rope.scaling.original_context_length", most: ModelSizes.longest, usual: context)
        if let long = try d.numbers("rope_factors_long.weight", count: dims / 2),
            let short = try d.numbers("rope_factors_short.weight", count: dims / 2)
        {
            let usual = longScale(Double(context) / Double(trained), trained)
            rope.scaling = .long(
                short: short, long: long, trained: trained,
                scale: try f.number("rope.scaling.attn_factor", usual: usual))
            return rope
        }
        let factor = try f.number(
            "rope.scaling.factor", usual: f.number("rope.scale_linear", usual: 1))
        switch f["rope.scaling.type"]?.string ?? (factor == 1 ? "none" : "linear") {
        case "none", "longrope": break
        case "linear": rope.scaling = .linear(factor: factor)
        case "yarn":
            let scale = try f.number("rope.scaling.attn_factor", usual: 1)
            rope.scaling = .yarn(
                .init(
                    factor: factor, trained: trained,
                    scale: scale * RotaryPositions.YaRN.scale(factor)))
        case let type: throw FileError(f.path, "rope scaling of the type \(type) is not known")
        }
        return rope
    }

    /// A window of all layers, or of those that the pattern does not leave out.
    mutating func setWindows(_ d: GGUFDescription, _ isWindowed: (Int) -> Bool) throws(FileError) {
        guard let size = try d.fields.window(.gguf) else { return }
        windows = (0..<layers).map { isWindowed($0) ? size : nil }
    }
}
