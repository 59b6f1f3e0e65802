import Files
public import Tensors

/// The sizes of a T5, as `config.json` has them.
public struct T5Configuration: Sendable, Hashable {
    public var vocabulary: Int
    /// The most tokens of the texts it was trained with; longer ones work too.
    public var context: Int
    public var channels: Int
    /// Layers of the encoder.
    public var layers: Int
    /// Layers of the decoder.
    public var decoderLayers: Int
    public var heads: Int
    /// Of a head; heads · headSize need not be the channels.
    public var headSize: Int
    public var inner: Int
    /// Distances between tokens fall into so many buckets, and beyond `farthest` all into the last.
    public var buckets: Int
    public var farthest: Int
    public var epsilon: Float
    public var activation: Activation
    /// Whether the inner map is a product of two, one of them activated (version 1.1).
    public var isGated: Bool
    /// Whether states are scaled by 1 / sqrt(channels) before the output map (the original, which ties it).
    public var scalesOutput: Bool
    /// What the decoder begins with, and what ends a text.
    public var startToken: Int
    public var endToken: Int
}

extension T5Configuration {
    /// From a `config.json` of the model type t5.
    init(config fields: ConfigFields) throws(FileError) {
        self.init(try ModelSizes(fields, .t5, usual: .init(context: 512)))
        decoderLayers = try fields.count(
            "num_decoder_layers", most: ModelSizes.mostLayers, usual: layers)
        buckets = try fields.count("relative_attention_num_buckets", least: 4, usual: 32)
        farthest = try fields.count("relative_attention_max_distance", usual: 128)
        epsilon = Float(try fields.number("layer_norm_epsilon", usual: 1e-6))
        let kind = fields["feed_forward_proj"]?.string ?? "relu"
        isGated = kind.hasPrefix("gated-")
        // "gated-gelu" is the tanh form; other names mean what they say.
        let name = kind == "gated-gelu" ? "gelu_new" : isGated ? String(kind.dropFirst(6)) : kind
        let named = JSON.Member(key: "feed_forward_proj", value: .string(name))
        activation = try ConfigFields(json: .object([named]), path: fields.path)
            .activation("feed_forward_proj", usual: "relu")
        let isTied = try fields.flag("tie_word_embeddings", usual: true)
        scalesOutput = try fields.flag("scale_decoder_outputs", usual: isTied)
        startToken = try fields.count("decoder_start_token_id", least: 0, usual: 0)
        endToken = try fields.count("eos_token_id", least: 0, usual: 1)
        try check(fields.path)
    }

    /// From the metadata of a GGUF file of the architecture t5. What they leave open is as in the models of Google.
    init(gguf description: GGUFDescription) throws(FileError) {
        let (fields, file) = (description.fields, description.file)
        guard let table = file.entry("token_embd.weight"), table.shape.count == 2 else {
            throw FileError(file.path, "has no token_embd.weight")
        }
        self.init(try ModelSizes(fields, .gguf, usual: .init(vocabulary: table.shape[0])))
        decoderLayers = try fields.count(
            "decoder_block_count", most: ModelSizes.mostLayers, usual: layers)
        buckets = try fields.count("attention.relative_buckets_count", least: 4, usual: 32)
        epsilon = Float(
            try fields.number(
                "attention.layer_norm_rms_epsilon",
                usual: fields.number("attention.layer_norm_epsilon", usual: 1e-6)))
        isGated = file.contains("enc.blk.0.ffn_gate.weight")
        activation = isGated ? .geluTanh : .relu
        scalesOutput = !file.contains("output.weight")
        startToken = try fields.count("decoder_start_token_id", least: 0, usual: 0)
        let end = file.metadata["tokenizer.ggml.eos_token_id"]?.int ?? 1
        endToken = (0..<vocabulary).contains(end) ? end : 1
        try check(file.path)
    }

    private init(_ sizes: ModelSizes) {
        (vocabulary, context, channels) = (sizes.vocabulary, sizes.context, sizes.channels)
        (layers, decoderLayers, heads) = (sizes.layers, sizes.layers, sizes.heads)
        (headSize, inner, buckets, farthest) = (sizes.headSize, sizes.hidden, 32, 128)
        (epsilon, activation, isGated, scalesOutput) = (1e-6, .relu, false, true)
        (startToken, endToken) = (0, 1)
    }

    var sizes: ModelSizes {
        ModelSizes(
            vocabulary: vocabulary, context: context, channels: channels, layers: layers,
            heads: heads, keyHeads: heads, headSize: headSize, hidden: inner)
    }

    private func check(_ path: String) throws(FileError) {
        guard farthest > buckets / 2 else {
            throw FileError(path, "\(buckets) buckets for distances up to \(farthest)")
        }
    }
}
