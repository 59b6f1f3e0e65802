import Files

/// The sizes of a Transformer, as a description has them: a `config.json`, or a GGUF file's metadata.
///
/// What each is called stands in `Names`; how large it may be stands here, once for all families and both kinds of files.
struct ModelSizes {
    var vocabulary: Int
    var context: Int
    var channels: Int
    var layers: Int
    var heads: Int
    var keyHeads: Int
    var headSize: Int
    var hidden: Int

    /// The keys. What has none follows from the others.
    struct Names: Sendable {
        var vocabulary = "vocab_size"
        var context: String? = "max_position_embeddings"
        var channels = "hidden_size"
        var layers = "num_hidden_layers"
        var heads = "num_attention_heads"
        var keyHeads: String? = "num_key_value_heads"
        var headSize: String? = "head_dim"
        var hidden = "intermediate_size"
        var experts = "num_local_experts"
        var activeExperts = "num_experts_per_tok"
        var window = "sliding_window"
        /// Whether 0 experts and a window of 0 say that there are none.
        var hasZeros = false

        /// Of most models' `config.json`.
        static let hub = Names()
        static let gguf = Names(
            context: "context_length", channels: "embedding_length", layers: "block_count",
            heads: "attention.head_count", keyHeads: "attention.head_count_kv",
            headSize: "attention.key_length", hidden: "feed_forward_length",
            experts: "expert_count", activeExperts: "expert_used_count",
            window: "attention.sliding_window", hasZeros: true)
        static let gpt2 = Names(
            context: "n_positions", channels: "n_embd", layers: "n_layer", heads: "n_head",
            keyHeads: nil, headSize: nil, hidden: "n_inner")
        static let bert = Names(keyHeads: nil, headSize: nil)
        static let t5 = Names(
            context: "n_positions", channels: "d_model", layers: "num_layers", heads: "num_heads",
            keyHeads: nil, headSize: "d_kv", hidden: "d_ff")
    }

    /// What counts where a description leaves a size out; nil: it must not.
    struct Usual {
        var vocabulary: Int?
        var context: Int?
        var channels: Int?
        var layers: Int?
        var heads: Int?
        /// As a multiple of the channels.
        var hidden: Int?
    }

    /// The most positions of a text, layers, and heads or channels of a head.
    static let (longest, mostLayers, mostHeads) = (1 << 30, 4096, 1 << 16)
}

extension ModelSizes {
    /// Reads a description.
    init(_ f: ConfigFields, _ names: Names = .hub, usual: Usual = Usual()) throws(FileError) {
        vocabulary = try f.count(names.vocabulary, usual: usual.vocabulary)
        context =
            try names.context.map { key throws(FileError) in
                try f.count(key, most: ModelSizes.longest, usual: usual.context)
            } ?? 0
        channels = try f.count(names.channels, usual: usual.channels)
        layers = try f.count(names.layers, most: ModelSizes.mostLayers, usual: usual.layers)
        let (channels, most) = (self.channels, ModelSizes.mostHeads)
        let heads = try f.count(names.heads, most: most, usual: usual.heads)
        self.heads = heads
        keyHeads =
            try names.keyHeads.map { key throws(FileError) in
                try f.count(key, most: most, usual: heads)
            } ?? heads
        hidden = try f.count(names.hidden, usual: usual.hidden.map { $0 * channels })
        guard names.headSize.flatMap({ f[$0] }) != nil || channels % heads == 0 else {
            throw FileError(f.path, "\(channels) channels do not fit \(heads) heads")
        }
        headSize =
            try names.headSize.map { key throws(FileError) in
                try f.count(key, most: most, usual: channels / heads)
            } ?? (channels / heads)
    }

    /// The sizes under their keys, for a description to be written; those without a key are left out.
    func entries(_ names: Names) -> [(key: String, size: Int)] {
        let all: [(key: String?, size: Int)] = [
            (names.vocabulary, vocabulary), (names.context, context), (names.channels, channels),
            (names.layers, layers), (names.heads, heads), (names.keyHeads, keyHeads),
            (names.headSize, headSize), (names.hidden, hidden),
        ]
        return all.compactMap { entry in entry.key.map { ($0, entry.size) } }
    }

    /// As members of a `config.json`.
    func hub(_ names: Names) -> [(String, JSON)] {
        entries(names).map { ($0.key, .integer($0.size)) }
    }

    /// As metadata of a GGUF file. The size of heads stands there only where it does not follow.
    func describe(_ architecture: String, namesHeadSize: Bool, into m: inout GGUFMetadata) {
        var names = Names.gguf
        if !namesHeadSize { names.headSize = nil }
        var entries = entries(names)
        if namesHeadSize { entries.append(("attention.value_length", headSize)) }
        for (key, size) in entries { m["\(architecture).\(key)"] = .uint32(UInt32(clamping: size)) }
    }
}

extension DecoderConfiguration {
    init(_ sizes: ModelSizes) {
        self.init(
            vocabulary: sizes.vocabulary, context: sizes.context, channels: sizes.channels,
            layers: sizes.layers, heads: sizes.heads, keyHeads: sizes.keyHeads,
            headSize: sizes.headSize, hidden: sizes.hidden)
    }

    var sizes: ModelSizes {
        ModelSizes(
            vocabulary: vocabulary, context: context, channels: channels, layers: layers,
            heads: heads, keyHeads: keyHeads, headSize: headSize, hidden: hidden)
    }
}

extension ConfigFields {
    /// The experts of each layer, and how many serve a token; nil where there are none.
    func experts(
        _ names: ModelSizes.Names, usual: (count: Int, active: Int)? = nil
    ) throws(FileError) -> DecoderConfiguration.Experts? {
        let (least, most) = (names.hasZeros ? 0 : 1, 1024)
        let all = try count(names.experts, least: least, most: most, usual: usual?.count ?? 0)
        guard all > 0 else { return nil }
        let active = try count(names.activeExperts, most: most, usual: usual?.active)
        return .init(count: all, active: active)
    }

    /// How many keys a token sees in layers with a window; nil where there are none.
    func window(_ names: ModelSizes.Names = .hub, usual: Int? = nil) throws(FileError) -> Int? {
        let least = names.hasZeros ? 0 : 1
        let size = try count(
            names.window, least: least, most: ModelSizes.longest, usual: usual ?? 0)
        return size > 0 ? size : nil
    }
}
