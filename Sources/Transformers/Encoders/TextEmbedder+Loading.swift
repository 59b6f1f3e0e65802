import Files
public import Tensors
import Text

extension TextEmbedder {
    /// From a model's folder or GGUF file: a sentence encoder, or a language model, of which the last states are taken.
    public static func load(_ path: String, on device: Device) throws -> TextEmbedder {
        if isFolder(path) {
            let fields = try ConfigFields(folder: path)
            let type = fields["model_type"]?.string ?? ""
            if BERTConfiguration.types.contains(type) {
                return try TextEmbedder(encoderFolder: path, on: device)
            }
            if type == "t5" {
                return try TextEmbedder(
                    LoadedT5(folder: path, on: device), Tokenizer(path: path))
            }
        } else if try GGUFFile.isOne(path) {
            let file = try GGUFFile(path: path)
            switch file.metadata["general.architecture"]?.string {
            case "bert": return try TextEmbedder(gguf: file, on: device)
            case "t5", "t5encoder":
                let tokenizer = try Tokenizer(gguf: file.metadata, path: path)
                try LoadedT5.check(file, tokenizer)
                return try TextEmbedder(LoadedT5(gguf: file, on: device), tokenizer)
            default: break
            }
        }
        return try TextEmbedder(LoadedModel.load(path, on: device), path: path)
    }

    /// From a language model: the states behind its last norm, the mean unless another pooling is chosen.
    init(_ loaded: LoadedModel, path: String) throws(FileError) {
        guard let tokenizer = loaded.tokenizer else {
            throw FileError(path, "has no tokenizer")
        }
        let model = loaded.model
        self.init(
            tokenizer: tokenizer, pooling: .mean, normalizes: true, limit: model.context
        ) { texts in
            texts.eachGroup([texts.tokens(on: model.device).expandingAxis(1)]) {
                model.states($0[0].squeezed(2))
            }
        }
    }

    /// From the encoder of a T5: the mean of its states.
    init(_ loaded: LoadedT5, _ tokenizer: Tokenizer) {
        let encoder = loaded.encoder
        self.init(
            tokenizer: tokenizer, pooling: .mean, normalizes: true,
            limit: loaded.configuration.context
        ) { encoder($0) }
    }

    /// From a GGUF file of the architecture bert.
    init(gguf file: GGUFFile, on device: Device) throws {
        let tokenizer = try Tokenizer(gguf: file.metadata, path: file.path)
        let loaded = try LoadedBERT(gguf: file, tokenizer, on: device)
        let model = loaded.model
        let pooling = Pooling(numberInGGUF: file.metadata["bert.pooling_type"]?.int)
        self.init(
            tokenizer: tokenizer, pooling: pooling, normalizes: true,
            limit: model.configuration.context
        ) { model($0) }
    }

    /// From the folder of a sentence encoder's repository: BERT or RoBERTa, with `1_Pooling`, `modules.json` and
    /// `sentence_bert_config.json` where it has them.
    public init(encoderFolder folder: String, on device: Device) throws {
        let loaded = try LoadedBERT(folder: folder, on: device)
        let settings = SentenceSettings(folder: folder)
        let model = loaded.model
        self.init(
            tokenizer: try Tokenizer(path: folder), pooling: try settings.pooling,
            normalizes: true,
            limit: min(try settings.limit ?? .max, model.configuration.context)
        ) { model($0) }
    }
}

/// What the folder of a sentence encoder says about the way from states to a vector.
struct SentenceSettings {
    let folder: String

    private func json(_ name: String) throws(FileError) -> JSON? {
        let path = "\(folder)/\(name)"
        return exists(path) ? try JSON(parsing: readFile(path), path: path) : nil
    }

    var pooling: Pooling {
        get throws(FileError) {
            guard let json = try json("1_Pooling/config.json") else { return .mean }
            func has(_ mode: String) -> Bool { json["pooling_mode_\(mode)"]?.bool == true }
            if has("cls_token") { return .cls }
            if has("lasttoken") { return .last }
            guard has("mean_tokens") else {
                throw FileError("\(folder)/1_Pooling/config.json", "no known way of pooling")
            }
            return .mean
        }
    }

    var limit: Int? {
        get throws(FileError) {
            guard let value = try json("sentence_bert_config.json")?["max_seq_length"] else {
                return nil
            }
            return value.int.flatMap { $0 > 2 ? $0 : nil }
        }
    }
}
