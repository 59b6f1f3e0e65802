import Files
import Networks
import Tensors
import Text

/// The conversion of models with an encoder, BERT and T5, between Hugging Face folders and GGUF files.
enum EncoderKind {
    case bert(BERTConfiguration)
    case t5(T5Configuration)

    /// The kind of a folder's model; nil for others.
    init?(_ fields: ConfigFields) throws(FileError) {
        switch fields["model_type"]?.string {
        case "bert": self = .bert(try BERTConfiguration(config: fields))
        case "t5": self = .t5(try T5Configuration(config: fields))
        default: return nil
        }
    }

    /// The kind of a file's model; nil for others.
    init?(_ description: GGUFDescription) throws(FileError) {
        switch description.architecture {
        case "bert": self = .bert(try BERTConfiguration(gguf: description))
        case "t5", "t5encoder": self = .t5(try T5Configuration(gguf: description))
        default: return nil
        }
    }

    /// Why a model is no language model that goes on with texts: it is an encoder, or not known.
    static func refusal(_ type: String, _ path: String, _ unknown: String) -> FileError {
        let isKnown = BERTConfiguration.types.contains(type) || ["t5", "t5encoder"].contains(type)
        return FileError(
            path,
            isKnown ? "is a \(type), which does not go on with texts: see apus embed" : unknown)
    }

    var names: EncoderNames {
        switch self {
        case .bert: .bert
        case .t5(let c): .t5(gated: c.isGated)
        }
    }

    var vocabulary: Int {
        switch self {
        case .bert(let c): c.vocabulary
        case .t5(let c): c.vocabulary
        }
    }

    /// Refuses a checkpoint that is not of this model; reads no weights.
    func check(_ checkpoint: Checkpoint) throws {
        switch self {
        case .bert(let c): try LoadedBERT.check(checkpoint, c)
        case .t5(let c): try LoadedT5.check(checkpoint, c)
        }
    }
}

// MARK: folder to file

/// A folder's model, as a GGUF file has it.
struct EncoderFolder {
    let folder: String
    let kind: EncoderKind
    let fields: ConfigFields
    let files: SafetensorsFolder
    /// What is written, with the folder's names.
    let targets: [(entry: GGUFTensor, source: String)]
    private let type: GGUFType

    init(
        _ folder: String, _ kind: EncoderKind, _ fields: ConfigFields, _ type: GGUFType,
        _ path: String
    ) throws {
        (self.folder, self.kind, self.fields, self.type) = (folder, kind, fields, type)
        files = try SafetensorsFolder(path: folder)
        try kind.check(files.checkpoint(as: nil))
        var targets: [(entry: GGUFTensor, source: String)] = []
        for entry in files.entries {
            let name = LoadedBERT.plainName(entry.name)
            if name.hasSuffix(".embed_tokens.weight") { continue }
            // Heads have no place in a file: its readers take the states.
            guard let own = kind.names.gguf(name) else { continue }
            let isPlain =
                entry.shape.count < 2
                || ["position_embd", "token_types", "attn_rel_b"].contains { own.contains($0) }
            let fits = (entry.shape.last ?? 1) % type.block.values == 0
            let target = try GGUFTensor(
                name: own, type: isPlain ? .f32 : fits ? type : .f16, shape: entry.shape,
                path: path)
            targets.append((target, entry.name))
        }
        self.targets = targets.sorted { $0.entry.name < $1.entry.name }
        if let problem = unusual {
            throw FileError(fields.path, "a GGUF file cannot say \(problem)")
        }
    }

    /// What readers of GGUF files take from the architecture.
    private var unusual: String? {
        switch kind {
        case .bert(let c): return c.activation == .gelu ? nil : "its activation"
        case .t5(let c):
            let hasHead = targets.contains { $0.entry.name == "output.weight" }
            if c.activation != (c.isGated ? .geluTanh : .relu) { return "its activation" }
            if c.farthest != 128 { return "the distance beyond which positions count as one" }
            return hasHead == c.scalesOutput && hasDecoder
                ? "whether the states before its output are scaled" : nil
        }
    }

    private var hasDecoder: Bool {
        targets.contains { $0.entry.name == "dec.output_norm.weight" }
    }

    func bytes(_ place: Int) throws(FileError) -> [UInt8] {
        try files.tensor(targets[place].source, on: .cpu).bytes(inFile: targets[place].entry.type)
    }

    func metadata() throws(FileError) -> GGUFMetadata {
        let architecture =
            switch kind {
            case .bert: "bert"
            case .t5: hasDecoder ? "t5" : "t5encoder"
            }
        var m = try GGUFMetadata(
            architecture, folder: folder, fields, type, vocabulary: kind.vocabulary)
        switch kind {
        case .bert(let c):
            c.describe(into: &m)
            m["bert.pooling_type"] = .uint32(
                try SentenceSettings(folder: folder).pooling.numberInGGUF)
        case .t5(let c): c.describe(architecture, into: &m)
        }
        return m
    }
}

extension Pooling {
    /// As GGUF files number them.
    fileprivate var numberInGGUF: UInt32 {
        switch self {
        case .mean: 1
        case .cls: 2
        case .last: 3
        }
    }

    init(numberInGGUF number: Int?) {
        self = number == 2 ? .cls : number == 3 ? .last : .mean
    }
}

extension BERTConfiguration {
    /// What a GGUF file says of a BERT.
    fileprivate func describe(into m: inout GGUFMetadata) {
        sizes.describe("bert", namesHeadSize: false, into: &m)
        m["bert.attention.layer_norm_epsilon"] = .float32(epsilon)
        m["bert.attention.causal"] = .bool(false)
        m["tokenizer.ggml.token_type_count"] = .uint32(UInt32(clamping: types))
    }

    /// The `config.json` of a BERT.
    var hubConfig: [(String, JSON)] {
        [
            ("architectures", .array([.string("BertModel")])), ("model_type", .string("bert")),
            ("type_vocab_size", .integer(types)), ("hidden_act", .string("gelu")),
            ("layer_norm_eps", .number(Double("\(epsilon)") ?? Double(epsilon))),
            ("position_embedding_type", .string("absolute")), ("pad_token_id", .integer(0)),
        ] + sizes.hub(.bert)
    }
}

extension T5Configuration {
    /// What a GGUF file says of a T5.
    fileprivate func describe(_ architecture: String, into m: inout GGUFMetadata) {
        sizes.describe(architecture, namesHeadSize: true, into: &m)
        let others = [
            ("decoder_block_count", decoderLayers), ("attention.relative_buckets_count", buckets),
            ("decoder_start_token_id", startToken),
        ]
        for (key, size) in others { m["\(architecture).\(key)"] = .uint32(UInt32(clamping: size)) }
        m["\(architecture).attention.layer_norm_epsilon"] = .float32(epsilon)
        m["\(architecture).attention.layer_norm_rms_epsilon"] = .float32(epsilon)
    }

    /// The `config.json` of a T5.
    func hubConfig(hasDecoder: Bool) -> [(String, JSON)] {
        let name = hasDecoder ? "T5ForConditionalGeneration" : "T5EncoderModel"
        return [
            ("architectures", .array([.string(name)])), ("model_type", .string("t5")),
            ("num_decoder_layers", .integer(decoderLayers)),
            ("relative_attention_num_buckets", .integer(buckets)),
            ("relative_attention_max_distance", .integer(farthest)),
            ("layer_norm_epsilon", .number(Double("\(epsilon)") ?? Double(epsilon))),
            ("feed_forward_proj", .string(isGated ? "gated-gelu" : "relu")),
            ("tie_word_embeddings", .bool(scalesOutput)), ("is_encoder_decoder", .bool(hasDecoder)),
            ("decoder_start_token_id", .integer(startToken)), ("eos_token_id", .integer(endToken)),
            ("pad_token_id", .integer(0)),
        ] + sizes.hub(.t5)
    }
}

// MARK: file to folder

/// A file's model, as a folder has it.
struct EncoderFile {
    /// Names, types and shapes of the folder's tensors, and the file's names.
    let targets: [(name: String, dtype: DType, shape: [Int], source: String)]
    let config: [(String, JSON)]
    let length: Int
    private let file: GGUFFile

    init(_ description: GGUFDescription, _ kind: EncoderKind, _ dtype: DType) throws {
        file = description.file
        let names = kind.names
        try kind.check(description.checkpoint(names))
        targets = file.tensors.compactMap { tensor in
            guard let name = names.hub(tensor.name) else { return nil }
            return (name, tensor.shape.count < 2 ? .f32 : dtype, tensor.shape, tensor.name)
        }
        switch kind {
        case .bert(let c): (config, length) = (c.hubConfig, c.context)
        case .t5(let c):
            config = c.hubConfig(hasDecoder: file.contains("dec.output_norm.weight"))
            length = c.context
        }
    }

    func tensor(_ place: Int) throws(FileError) -> Tensor {
        let target = targets[place]
        return try file.tensor(target.source, on: .cpu).cast(to: target.dtype).contiguous()
    }
}
