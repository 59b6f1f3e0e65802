import Files
public import Networks
public import Tensors

/// A BERT or RoBERTa with its weights, and the heads that its checkpoint has.
public struct LoadedBERT: Sendable {
    public let model: BERT
    public let pooler: BERTPooler?
    public let maskedTokens: MaskedTokenHead?
    public let store: ParameterStore

    /// From a checkpoint with the names of Hugging Face's models, old and new.
    public init(_ checkpoint: Checkpoint, _ configuration: BERTConfiguration, on device: Device)
        throws
    {
        let checkpoint = checkpoint.renamed(LoadedBERT.name)
        let names = Set(checkpoint.names)
        let head: (path: [String], names: MaskedTokenHead.Names)? =
            names.contains("cls.predictions.transform.dense.weight")
            ? (["cls", "predictions"], .bert)
            : names.contains("lm_head.dense.weight") ? (["lm_head"], .roberta) : nil
        let loaded = try ParameterStore.load(
            checkpoint, on: device, ignoring: LoadedBERT.isIgnored
        ) { scope in
            (
                BERT(scope, configuration),
                names.contains("pooler.dense.weight")
                    ? BERTPooler(scope["pooler"], configuration) : nil,
                head.map { head in
                    MaskedTokenHead(
                        head.path.reduce(scope) { $0[$1] }, configuration, head.names)
                }
            )
        }
        (model, pooler, maskedTokens) = loaded.model
        store = loaded.store
    }

    /// From the folder of a model's repository.
    public init(folder: String, on device: Device) throws {
        try self.init(
            SafetensorsFolder(path: folder).checkpoint(as: .f32),
            BERTConfiguration(config: ConfigFields(folder: folder)), on: device)
    }

    /// From a GGUF file of the architecture bert.
    init(gguf file: GGUFFile, vocabulary: Int, on device: Device) throws {
        let description = try GGUFDescription(file)
        let configuration = try BERTConfiguration(gguf: description)
        guard vocabulary <= configuration.vocabulary else {
            throw FileError(
                file.path, "\(vocabulary) tokens for a model of \(configuration.vocabulary)")
        }
        try self.init(description.encoderCheckpoint, configuration, on: device)
    }

    /// Models with a head have their encoder one level down; the oldest call a norm's parameters gamma and beta.
    private static func name(_ name: String) -> String? {
        var name = name
        for prefix in ["bert.", "roberta."] where name.hasPrefix(prefix) {
            name = String(name.dropFirst(prefix.count))
        }
        for (old, new) in [(".gamma", ".weight"), (".beta", ".bias")] where name.hasSuffix(old) {
            name = name.dropLast(old.count) + new
        }
        return name
    }

    /// Constants, the token table's second copy, and heads for other tasks.
    private static func isIgnored(_ name: String) -> Bool {
        name.hasSuffix(".position_ids") || name.hasSuffix(".token_type_ids")
            || name.hasPrefix("cls.seq_relationship.") || name.hasPrefix("classifier.")
            || name == "cls.predictions.bias" || name.hasPrefix("cls.predictions.decoder.")
            || name.hasPrefix("lm_head.decoder.")
    }
}

extension ConfigFields {
    /// Those of a model's folder.
    init(folder: String) throws(FileError) {
        let path = "\(folder)/config.json"
        let json = try JSON(parsing: readFile(path), path: path)
        guard json.members != nil else { throw FileError(path, "is no JSON object") }
        self.init(json: json, path: path)
    }
}

extension GGUFDescription {
    /// The file's tensors under the names of Hugging Face's models, their weights as they are stored.
    fileprivate var encoderCheckpoint: Checkpoint {
        var places: [String: String] = [:]
        for tensor in file.tensors { places[Self.encoderName(tensor.name)] = tensor.name }
        let (file, known) = (file, places)
        return Checkpoint(
            origin: file.path, names: Array(places.keys), as: .f32,
            fetch: { name in try known[name].map { try file.tensor($0, on: .cpu) } },
            quantized: { name, device in
                guard let own = known[name], file.entry(own)?.type.dtype == nil else { return nil }
                return try file.quantized(own, on: device)
            })
    }

    private static func encoderName(_ name: String) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, let outer = outerNames[parts[0]] {
            return "embeddings.\(outer).\(parts[1])"
        }
        guard parts.count == 4, parts[0] == "blk", let inner = layerNames[parts[2]] else {
            return name
        }
        return "encoder.layer.\(parts[1]).\(inner).\(parts[3])"
    }

    private static let outerNames = [
        "token_embd": "word_embeddings", "position_embd": "position_embeddings",
        "token_types": "token_type_embeddings", "token_embd_norm": "LayerNorm",
    ]

    private static let layerNames = [
        "attn_q": "attention.self.query", "attn_k": "attention.self.key",
        "attn_v": "attention.self.value", "attn_output": "attention.output.dense",
        "attn_output_norm": "attention.output.LayerNorm", "ffn_up": "intermediate.dense",
        "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
    ]
}
