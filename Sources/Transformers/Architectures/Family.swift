import Files
import Tensors

/// A family of language models: how its files describe a model.
protocol Family: Sendable {
    /// From a `config.json`.
    static func configuration(_ fields: ConfigFields) throws(FileError) -> DecoderConfiguration
}

/// The families by what `config.json` has for `model_type`.
let families: [String: any (Family & SendableMetatype).Type] = [
    "gpt2": GPT2.self, "llama": Llama.self, "mistral": Mistral.self, "mixtral": Mixtral.self,
    "qwen2": Qwen2.self, "qwen3": Qwen3.self, "gemma2": Gemma2.self, "gemma3_text": Gemma3.self,
    "gemma3": Gemma3.self, "phi3": Phi3.self, "gpt_neox": GPTNeoX.self,
]

extension DecoderConfiguration {
    /// From the fields of a `config.json`.
    init(config fields: ConfigFields) throws(FileError) {
        guard let type = fields["model_type"]?.string else {
            throw FileError(fields.path, "model_type is missing")
        }
        guard let family = families[type] else {
            throw EncoderKind.refusal(
                type, fields.path, "models of the type \(type) are not known")
        }
        self = try family.configuration(fields).checked(fields.path)
    }

    /// What most families have in common, with Llama's keys.
    init(common f: ConfigFields, context: Int = 2048) throws(FileError) {
        self.init(try ModelSizes(f, usual: .init(context: context)))
        epsilon = Float(try f.number("rms_norm_eps", usual: 1e-6))
        activation = try f.activation(
            f["hidden_act"] == nil ? "hidden_activation" : "hidden_act", usual: "silu")
        isTied = try f.flag("tie_word_embeddings", usual: false)
    }

    /// A window of some layers: those that `layer_types` names, else those that `isWindowed` does.
    mutating func setWindows(
        _ f: ConfigFields, size: Int?, _ isWindowed: (_ layer: Int) -> Bool
    ) throws(FileError) {
        guard let size else { return }
        guard let types = f["layer_types"]?.array else {
            windows = (0..<layers).map { isWindowed($0) ? size : nil }
            return
        }
        guard types.count == layers else {
            throw FileError(f.path, "layer_types names \(types.count) layers of \(layers)")
        }
        windows = types.map { $0.string == "sliding_attention" ? size : nil }
    }
}
