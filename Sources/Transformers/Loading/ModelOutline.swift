import Files
import Networks
import Tensors
import Text

/// A language model before its weights are read: what its file or folder says of it, held against the shapes of the tensors.
struct ModelOutline {
    let configuration: DecoderConfiguration
    let checkpoint: Checkpoint
    let tokenizer: Tokenizer?
    let chatTemplate: ChatTemplate?
    /// As the files name them, with repetitions.
    let endTokens: [Int]
    let name: String
    let architecture: String

    /// Refuses what could not be loaded. No tensor is read.
    func check(_ path: String) throws {
        let c = configuration
        // A token without a row of the embedding could not be used.
        if let tokenizer, tokenizer.count > c.vocabulary {
            throw FileError(
                path, "\(tokenizer.count) tokens for a model that knows \(c.vocabulary)")
        }
        // A layer has several tensors, and so has an expert: more of them cannot be in the file.
        let (experts, tensors) = (c.experts?.count ?? 1, checkpoint.names.count)
        guard c.layers * experts <= tensors else {
            throw FileError(
                checkpoint.origin,
                "\(tensors) tensors cannot make \(c.layers) layers"
                    + (experts > 1 ? " of \(experts) experts" : ""))
        }
        try ParameterStore.check(checkpoint, ignoring: isUnused) { Decoder($0, c) }
    }

    /// The decoder with its weights.
    func network(on device: Device) throws -> (Decoder, ParameterStore) {
        try ParameterStore.load(checkpoint, on: device, ignoring: isUnused) {
            Decoder($0, configuration)
        }
    }

    /// Constants, and the map to logits where the embedding's table serves.
    private func isUnused(_ name: String) -> Bool {
        ConversionNames.isConstant(name)
            || configuration.isTied && name.hasPrefix("\(configuration.names.head).")
    }
}

extension LoadedModel {
    init(_ outline: ModelOutline, on device: Device) throws {
        (model, store) = try outline.network(on: device)
        (tokenizer, chatTemplate) = (outline.tokenizer, outline.chatTemplate)
        let vocabulary = outline.configuration.vocabulary
        endTokens = Set(outline.endTokens).filter { (0..<vocabulary).contains($0) }.sorted()
        name = outline.name
        description = store.described(outline.architecture)
    }
}
