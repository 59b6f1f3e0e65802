import Files
import Networks
import Tensors
import Text

extension ModelOutline {
    /// From a GGUF file.
    init(_ file: GGUFFile, _ weights: LoadedModel.Weights) throws {
        let description = try GGUFDescription(file)
        configuration = try DecoderConfiguration(gguf: description)
        tokenizer = try file.tokenizer()
        let source = file.metadata["tokenizer.chat_template"]?.string
        chatTemplate = try source.map { try ChatTemplate($0) }
        checkpoint = description.checkpoint(configuration, weights)
        endTokens = ModelOutline.endTokens(file.metadata, tokenizer)
        name =
            file.metadata["general.name"]?.string
            ?? file.path.split(separator: "/").last.map(String.init) ?? file.path
        architecture = description.architecture
        try check(file.path)
    }

    /// Those that the file names, and those that by their text end a turn or a document.
    private static func endTokens(_ metadata: GGUFMetadata, _ tokenizer: Tokenizer?) -> [Int] {
        let named = ["eos", "eot", "eom"].compactMap {
            metadata["tokenizer.ggml.\($0)_token_id"]?.int
        }
        let usual = [
            "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>",
            "<|eom_id|>", "<|end_of_text|>", "</s>",
        ]
        let found = usual.compactMap { tokenizer?.id(of: $0) }
            .filter { tokenizer?.isSpecial($0) == true }
        return Set(named + found).sorted()
    }
}

/// What a GGUF file says of its model: the metadata of its architecture as fields, and which tensors it has.
struct GGUFDescription {
    let file: GGUFFile
    let architecture: String
    /// The keys behind "ARCHITECTURE.".
    let fields: ConfigFields

    init(_ file: GGUFFile) throws(FileError) {
        guard let name = file.metadata["general.architecture"]?.string else {
            throw FileError(file.path, "general.architecture is missing")
        }
        let start = "\(name)."
        let members = file.metadata.keys.filter { $0.hasPrefix(start) }.map { key in
            JSON.Member(
                key: String(key.dropFirst(start.count)),
                value: GGUFDescription.json(file.metadata[key]))
        }
        (self.file, architecture) = (file, name)
        fields = ConfigFields(json: .object(members), path: file.path)
    }

    private static func json(_ value: GGUFValue?) -> JSON {
        guard let value else { return .null }
        if let number = value.int { return .integer(number) }
        if let number = value.double { return .number(number) }
        if let flag = value.bool { return .bool(flag) }
        if let text = value.string { return .string(text) }
        return .array((value.array ?? []).map { json($0) })
    }

    /// Numbers of a tensor that belongs to the description.
    func numbers(_ name: String, count: Int) throws(FileError) -> [Double]? {
        guard let entry = file.entry(name) else { return nil }
        guard entry.count == count else {
            throw FileError(file.path, "\(name) has \(entry.count) numbers, not \(count)")
        }
        let values = try file.tensor(name, on: .cpu).cast(to: .f32).scalars().map { Double($0) }
        guard values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw FileError(file.path, "\(name) has numbers that are not above 0")
        }
        return values
    }
}
