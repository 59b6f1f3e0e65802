public import Files
public import Networks
public import Tensors
import Text

/// A T5 from a checkpoint: whole, or only its encoder.
public struct LoadedT5: Sendable {
    public let configuration: T5Configuration
    public let encoder: T5Encoder
    /// Nil where the checkpoint has no decoder.
    public let model: T5?
    public let store: ParameterStore

    public init(_ checkpoint: Checkpoint, _ configuration: T5Configuration, on device: Device)
        throws
    {
        try LoadedT5.check(checkpoint, configuration)
        let names = Set(checkpoint.names)
        let loaded = try ParameterStore.load(
            checkpoint, on: device, ignoring: LoadedT5.isCopy
        ) { LoadedT5.parts($0, configuration, names) }
        (encoder, model) = loaded.model
        (store, self.configuration) = (loaded.store, configuration)
    }

    /// From a GGUF file of the architecture t5 or t5encoder.
    public init(gguf file: GGUFFile, on device: Device) throws {
        let description = try GGUFDescription(file)
        let configuration = try T5Configuration(gguf: description)
        try self.init(
            description.checkpoint(.t5(gated: configuration.isGated)), configuration, on: device)
    }

    /// Refuses a GGUF file from which no T5 could be loaded; reads no weights.
    static func check(_ file: GGUFFile, _ tokenizer: Tokenizer?) throws {
        let description = try GGUFDescription(file)
        let configuration = try T5Configuration(gguf: description)
        if let tokenizer, tokenizer.count > configuration.vocabulary {
            throw FileError(
                file.path, "\(tokenizer.count) tokens for a model of \(configuration.vocabulary)")
        }
        try check(description.checkpoint(.t5(gated: configuration.isGated)), configuration)
    }

    /// Refuses a checkpoint from which no T5 could be loaded; reads no weights.
    static func check(_ checkpoint: Checkpoint, _ configuration: T5Configuration) throws {
        let (layers, tensors) = (
            max(configuration.layers, configuration.decoderLayers), checkpoint.names.count
        )
        guard layers <= tensors else {
            throw FileError(checkpoint.origin, "\(tensors) tensors cannot make \(layers) layers")
        }
        let names = Set(checkpoint.names)
        try ParameterStore.check(checkpoint, ignoring: isCopy) { parts($0, configuration, names) }
    }

    /// The encoder, and the whole where the checkpoint has a decoder.
    private static func parts(_ scope: ParameterScope, _ c: T5Configuration, _ names: Set<String>)
        -> (T5Encoder, T5?)
    {
        guard names.contains("decoder.final_layer_norm.weight") else {
            return (T5Encoder(scope, c), nil)
        }
        let model = T5(scope, c, hasHead: names.contains("lm_head.weight"))
        return (model.encoder, model)
    }

    /// Copies of the table of tokens.
    private static func isCopy(_ name: String) -> Bool { name.hasSuffix(".embed_tokens.weight") }

    /// From the folder of a model's repository.
    public init(folder: String, on device: Device) throws {
        try self.init(
            SafetensorsFolder(path: folder).checkpoint(as: .f32),
            T5Configuration(config: ConfigFields(folder: folder)), on: device)
    }
}
