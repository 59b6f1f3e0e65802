import Files
public import Networks
public import Tensors
import Text

/// A BERT or RoBERTa with its weights, and the heads that its checkpoint has.
public struct LoadedBERT: Sendable {
    public let model: BERT
    public let pooler: BERTPooler?
    public let maskedTokens: MaskedTokenHead?
    public let classifier: BERTClassifier?
    public let store: ParameterStore

    /// From a checkpoint with the names of Hugging Face's models, old and new.
    public init(_ checkpoint: Checkpoint, _ configuration: BERTConfiguration, on device: Device)
        throws
    {
        try LoadedBERT.check(checkpoint, configuration)
        let checkpoint = checkpoint.renamed(LoadedBERT.plainName)
        let names = Set(checkpoint.names)
        let classes = try LoadedBERT.classes(checkpoint)
        let loaded = try ParameterStore.load(
            checkpoint, on: device, ignoring: LoadedBERT.isIgnored
        ) { LoadedBERT.parts($0, configuration, names, classes) }
        (model, pooler, maskedTokens, classifier) = loaded.model
        store = loaded.store
    }

    /// From the folder of a model's repository.
    public init(folder: String, on device: Device) throws {
        try self.init(
            SafetensorsFolder(path: folder).checkpoint(as: .f32),
            BERTConfiguration(config: ConfigFields(folder: folder)), on: device)
    }

    /// From a GGUF file of the architecture bert.
    init(gguf file: GGUFFile, _ tokenizer: Tokenizer?, on device: Device) throws {
        try LoadedBERT.check(file, tokenizer)
        let description = try GGUFDescription(file)
        try self.init(
            description.checkpoint(.bert), BERTConfiguration(gguf: description), on: device)
    }

    /// Refuses a GGUF file from which no BERT could be loaded; reads no weights.
    static func check(_ file: GGUFFile, _ tokenizer: Tokenizer?) throws {
        let description = try GGUFDescription(file)
        let configuration = try BERTConfiguration(gguf: description)
        if let tokenizer, tokenizer.count > configuration.vocabulary {
            throw FileError(
                file.path, "\(tokenizer.count) tokens for a model of \(configuration.vocabulary)")
        }
        try check(description.checkpoint(.bert), configuration)
    }

    /// As above, of a checkpoint.
    static func check(_ checkpoint: Checkpoint, _ configuration: BERTConfiguration) throws {
        guard configuration.layers <= checkpoint.names.count else {
            throw FileError(
                checkpoint.origin,
                "\(checkpoint.names.count) tensors cannot make \(configuration.layers) layers")
        }
        let checkpoint = checkpoint.renamed(plainName)
        let names = Set(checkpoint.names)
        let classes = try classes(checkpoint)
        try ParameterStore.check(checkpoint, ignoring: isIgnored) {
            parts($0, configuration, names, classes)
        }
    }

    /// The encoder, and the heads whose tensors the checkpoint has.
    private static func parts(
        _ scope: ParameterScope, _ c: BERTConfiguration, _ names: Set<String>, _ classes: Classes?
    ) -> (BERT, BERTPooler?, MaskedTokenHead?, BERTClassifier?) {
        let head: (path: [String], names: MaskedTokenHead.Names)? =
            names.contains("cls.predictions.transform.dense.weight")
            ? (["cls", "predictions"], .bert)
            : names.contains("lm_head.dense.weight") ? (["lm_head"], .roberta) : nil
        return (
            BERT(scope, c),
            names.contains("pooler.dense.weight") ? BERTPooler(scope["pooler"], c) : nil,
            head.map { head in
                MaskedTokenHead(head.path.reduce(scope) { $0[$1] }, c, head.names)
            },
            classes.map {
                BERTClassifier(scope["classifier"], c, classes: $0.count, $0.style)
            }
        )
    }

    private typealias Classes = (count: Int, style: BERTClassifier.Style)

    /// The classifier that a checkpoint has: its classes, and what it works on.
    private static func classes(_ checkpoint: Checkpoint) throws -> Classes? {
        let names = Set(checkpoint.names)
        let squashes = names.contains("classifier.out_proj.weight")
        let name = squashes ? "classifier.out_proj.weight" : "classifier.weight"
        guard names.contains(name), let shape = try checkpoint.shape(name), shape.count == 2
        else { return nil }
        let pools = names.contains("pooler.dense.weight")
        return (shape[0], squashes ? .squashedTexts : pools ? .pooledTexts : .tokens)
    }

    /// Models with a head have their encoder one level down; the oldest call a norm's parameters gamma and beta.
    static func plainName(_ name: String) -> String {
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
            || name == "lm_head.bias" || name.hasPrefix("lm_head.decoder.")
    }
}

extension GGUFDescription {
    /// The file's tensors under the names of Hugging Face's models, their weights as they are stored.
    func checkpoint(_ names: EncoderNames) -> Checkpoint {
        var places: [String: String] = [:]
        for tensor in file.tensors { places[names.hub(tensor.name) ?? tensor.name] = tensor.name }
        let (file, known) = (file, places)
        return Checkpoint(
            origin: file.path, shapes: places.compactMapValues { file.entry($0)?.shape }, as: .f32,
            fetch: { name in try known[name].map { try file.tensor($0, on: .cpu) } },
            quantized: { name, device in
                guard let own = known[name], file.entry(own)?.type.dtype == nil else { return nil }
                return try file.quantized(own, on: device)
            })
    }
}
