import Files
public import Tensors

/// The sizes of a BERT or RoBERTa, as `config.json` has them.
public struct BERTConfiguration: Sendable, Hashable {
    public var vocabulary: Int
    public var channels: Int
    public var layers: Int
    public var heads: Int
    /// Of the map between attention layers.
    public var inner: Int
    /// Rows of the position table.
    public var positions: Int
    /// Kinds of text parts that the model tells apart.
    public var types: Int
    public var epsilon: Float
    public var activation: Activation
    /// Of padding, where positions count from behind it and pass over it (RoBERTa); nil: they count from 0.
    public var paddingToken: Int?
    /// The head that names tokens looks them up in the token table.
    public var isTied = true

    /// The most tokens of a text.
    public var context: Int { positions - (paddingToken.map { $0 + 1 } ?? 0) }
}

extension BERTConfiguration {
    /// From a `config.json` of the model types bert and roberta (and camembert, xlm-roberta, which are RoBERTas).
    init(config fields: ConfigFields) throws(FileError) {
        let type = fields["model_type"]?.string ?? "bert"
        self.init(try ModelSizes(fields, .bert))
        types = try fields.count("type_vocab_size", least: 0, usual: 2)
        epsilon = Float(try fields.number("layer_norm_eps", usual: 1e-12))
        activation = try fields.activation("hidden_act", usual: "gelu")
        let isRoBERTa = type != "bert"
        paddingToken = isRoBERTa ? try fields.count("pad_token_id", least: 0, usual: 1) : nil
        isTied = try fields.flag("tie_word_embeddings", usual: true)
        try check(fields.path)
        let embedding = fields["position_embedding_type"]?.string ?? "absolute"
        guard embedding == "absolute" else {
            throw FileError(fields.path, "positions of type \(embedding) are not known")
        }
    }

    /// What `model_type` is of models that are built so.
    static let types: Set = ["bert", "roberta", "camembert", "xlm-roberta"]

    /// From the metadata of a GGUF file of the architecture bert.
    init(gguf description: GGUFDescription) throws(FileError) {
        let (fields, file) = (description.fields, description.file)
        guard let table = file.entry("token_embd.weight"), table.shape.count == 2 else {
            throw FileError(file.path, "has no token_embd.weight")
        }
        self.init(try ModelSizes(fields, .gguf, usual: .init(vocabulary: table.shape[0])))
        types = file.entry("token_types.weight")?.shape.first ?? 0
        epsilon = Float(try fields.number("attention.layer_norm_epsilon", usual: 1e-12))
        try check(file.path)
    }

    private init(_ sizes: ModelSizes) {
        (vocabulary, channels, layers) = (sizes.vocabulary, sizes.channels, sizes.layers)
        (heads, inner, positions) = (sizes.heads, sizes.hidden, sizes.context)
        (types, epsilon, activation, paddingToken) = (0, 1e-12, .gelu, nil)
    }

    var sizes: ModelSizes {
        ModelSizes(
            vocabulary: vocabulary, context: positions, channels: channels, layers: layers,
            heads: heads, keyHeads: heads, headSize: channels / heads, hidden: inner)
    }

    private func check(_ path: String) throws(FileError) {
        guard context > 0 else {
            throw FileError(path, "\(positions) positions leave no room for text")
        }
    }
}
