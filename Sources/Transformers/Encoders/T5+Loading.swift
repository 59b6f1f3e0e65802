import Files
public import Networks
public import Tensors

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
        let names = Set(checkpoint.names)
        let loaded = try ParameterStore.load(
            checkpoint, on: device, ignoring: { $0.hasSuffix(".embed_tokens.weight") }
        ) { scope -> (T5Encoder, T5?) in
            guard names.contains("decoder.final_layer_norm.weight") else {
                return (T5Encoder(scope, configuration), nil)
            }
            let model = T5(
                scope, configuration, hasHead: names.contains("lm_head.weight"))
            return (model.encoder, model)
        }
        (encoder, model) = loaded.model
        (store, self.configuration) = (loaded.store, configuration)
    }

    /// From the folder of a model's repository.
    public init(folder: String, on device: Device) throws {
        try self.init(
            SafetensorsFolder(path: folder).checkpoint(as: .f32),
            T5Configuration(config: ConfigFields(folder: folder)), on: device)
    }
}
