public import Files

/// What a folder's `tokenizer_config.json` says beside the vocabulary itself.
public struct TokenizerSettings: Sendable {
    /// Which library class reads the vocabulary: "LlamaTokenizer", ….
    public let kind: String?
    /// Templates by name; a file with only one calls it "default".
    public let chatTemplates: [(name: String, source: String)]
    /// Special tokens by their part: "bos_token", "eos_token", "pad_token", "unk_token", "cls_token", ….
    public let tokens: [String: String]
    /// Whether a text gets the token that begins it, and the one that ends it; nil: not said.
    public let addsBeginning, addsEnd: Bool?
    /// The most tokens that the model takes; nil: not said, or no limit.
    public let longest: Int?
    /// Whether text is lower-cased, where the vocabulary's own file does not say.
    public let lowercases: Bool?
    /// Tokens that are found whole in the text.
    public let addedTokens: [AddedToken]

    /// Nil if the folder has no such file.
    public init?(folder: String) throws(FileError) {
        let path = "\(folder)/tokenizer_config.json"
        guard exists(path) else { return nil }
        try self.init(JSON(parsing: readFile(path), path: path), path: path)
    }

    public init(_ json: JSON, path: String) throws(FileError) {
        guard let members = json.members else { throw FileError(path, "is no JSON object") }
        kind = json["tokenizer_class"]?.string
        chatTemplates = TokenizerSettings.templates(json["chat_template"])
        var tokens: [String: String] = [:]
        for member in members where member.key.hasSuffix("_token") {
            tokens[member.key] = member.value.string ?? member.value["content"]?.string
        }
        self.tokens = tokens
        (addsBeginning, addsEnd) = (json["add_bos_token"]?.bool, json["add_eos_token"]?.bool)
        // Files without a limit have 1e30 here.
        longest = json["model_max_length"]?.int.flatMap { (1..<1 << 40).contains($0) ? $0 : nil }
        lowercases = json["do_lower_case"]?.bool
        var added: [AddedToken] = []
        for member in json["added_tokens_decoder"]?.members ?? [] {
            guard let id = Int(member.key), id >= 0, id <= TokenTable.highestID,
                let content = member.value["content"]?.string
            else { throw FileError(path, "added_tokens_decoder: \(member.key) is no token") }
            var token = AddedToken(id: id, content: content)
            token.isSpecial = member.value["special"]?.bool ?? false
            token.isNormalized = member.value["normalized"]?.bool ?? false
            token.isSingleWord = member.value["single_word"]?.bool ?? false
            token.stripsLeft = member.value["lstrip"]?.bool ?? false
            token.stripsRight = member.value["rstrip"]?.bool ?? false
            added.append(token)
        }
        addedTokens = added
    }

    private static func templates(_ value: JSON?) -> [(name: String, source: String)] {
        if let source = value?.string { return [("default", source)] }
        return (value?.array ?? []).compactMap { item in
            guard let name = item["name"]?.string, let source = item["template"]?.string else {
                return nil
            }
            return (name, source)
        }
    }

    /// The template for a plain conversation.
    public var chatTemplate: String? {
        (chatTemplates.first { $0.name == "default" } ?? chatTemplates.first)?.source
    }
}

extension Tokenizer {
    /// Takes in what the settings add to a vocabulary whose own file has no place for it: tokens, and marks around texts.
    mutating func apply(_ settings: TokenizerSettings) {
        let known = Set(added.all.map(\.content))
        let new = settings.addedTokens.filter { token in
            !known.contains(token.content)
                && (tokenBytes(token.id).map { $0 == Array(token.content.utf8) } ?? true)
        }
        if !new.isEmpty {
            added = AddedTokens(added.all + new) { [normalizer] in normalizer?.apply($0) ?? $0 }
        }
        let usual = Tokenizer.usualMarks[settings.kind ?? ""] ?? (false, false)
        func mark(_ name: String, _ isWanted: Bool) -> [PostProcessor.Item] {
            guard isWanted, let id = settings.tokens[name].flatMap({ id(of: $0) }) else {
                return []
            }
            return [.marks([id])]
        }
        let begin = mark("bos_token", settings.addsBeginning ?? usual.begin)
        let end = mark("eos_token", settings.addsEnd ?? usual.end)
        guard !begin.isEmpty || !end.isEmpty else { return }
        marks.single = begin + [.text(0)] + end
        marks.pair = begin + [.text(0)] + end + begin + [.text(1)] + end
    }

    /// What the library's classes do where the settings do not say.
    private static let usualMarks: [String: (begin: Bool, end: Bool)] = [
        "LlamaTokenizer": (true, false), "LlamaTokenizerFast": (true, false),
        "CodeLlamaTokenizer": (true, false), "CodeLlamaTokenizerFast": (true, false),
        "GemmaTokenizer": (true, false), "GemmaTokenizerFast": (true, false),
        "T5Tokenizer": (false, true), "T5TokenizerFast": (false, true),
    ]

    /// A folder with BERT's `vocab.txt`, a token a line.
    init(wordPiecesIn folder: String, _ settings: TokenizerSettings?) throws(FileError) {
        let path = "\(folder)/vocab.txt"
        var vocabulary: [JSON.Member] = []
        for line in try readFile(path).split(separator: 10, omittingEmptySubsequences: false) {
            let text = String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            vocabulary.append(.init(key: text, value: .integer(vocabulary.count)))
        }
        if vocabulary.last?.key.isEmpty == true { vocabulary.removeLast() }
        let table = JSON.object(vocabulary)
        func object(_ members: (String, JSON)...) -> JSON {
            .object(members.map { JSON.Member(key: $0.0, value: $0.1) })
        }
        func token(_ part: String, _ usual: String) throws(FileError) -> (String, Int) {
            let text = settings?.tokens[part] ?? usual
            guard let id = table[text]?.int else { throw FileError(path, "has no token \(text)") }
            return (text, id)
        }
        let (begin, end) = (try token("cls_token", "[CLS]"), try token("sep_token", "[SEP]"))
        let unknown = try token("unk_token", "[UNK]")
        let others = [("pad_token", "[PAD]"), ("mask_token", "[MASK]")].compactMap {
            try? token($0.0, $0.1)
        }
        let marks = [begin, end, unknown] + others
        let lowercases = JSON.bool(settings?.lowercases ?? true)
        try self.init(
            json: object(
                (
                    "added_tokens",
                    .array(
                        marks.map {
                            object(
                                ("id", .integer($0.1)), ("content", .string($0.0)),
                                ("special", .bool(true)))
                        })
                ),
                (
                    "normalizer",
                    object(
                        ("type", .string("BertNormalizer")), ("clean_text", .bool(true)),
                        ("handle_chinese_chars", .bool(true)), ("strip_accents", .null),
                        ("lowercase", lowercases))
                ),
                ("pre_tokenizer", object(("type", .string("BertPreTokenizer")))),
                (
                    "post_processor",
                    object(
                        ("type", .string("BertProcessing")),
                        ("sep", .array([.string(end.0), .integer(end.1)])),
                        ("cls", .array([.string(begin.0), .integer(begin.1)])))
                ),
                (
                    "decoder",
                    object(
                        ("type", .string("WordPiece")), ("prefix", .string("##")),
                        ("cleanup", .bool(true)))
                ),
                (
                    "model",
                    object(
                        ("type", .string("WordPiece")), ("unk_token", .string(unknown.0)),
                        ("continuing_subword_prefix", .string("##")),
                        ("max_input_chars_per_word", .integer(100)), ("vocab", table))
                )), path: path)
    }
}
