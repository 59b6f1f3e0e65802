import Files

extension TokenizerJSON {
    /// Deeper sequences of sequences are refused.
    private static let deepest = 16

    private static func sequence<T>(
        _ field: JSONField, _ key: String, _ depth: Int,
        _ read: (JSONField, Int) throws(FileError) -> T
    ) throws(FileError) -> [T] {
        guard depth < deepest else { throw field.failure("nested deeper than \(deepest)") }
        var steps: [T] = []
        let items = try field.required(key).items()
        guard items.count <= 64 else { throw field.failure("\(items.count) steps are too many") }
        for item in items { steps.append(try read(item, depth + 1)) }
        return steps
    }

    // MARK: normalisers

    static func normalizer(_ field: JSONField) throws(FileError) -> Normalizer {
        try normalizer(field, 0)
    }

    private static func normalizer(_ field: JSONField, _ depth: Int) throws(FileError) -> Normalizer
    {
        let type = try field.required("type").string()
        switch type {
        case "NFC": return .canonical(.composed)
        case "NFD": return .canonical(.decomposed)
        case "NFKC": return .canonical(.compatiblyComposed)
        case "NFKD": return .canonical(.compatiblyDecomposed)
        case "Lowercase": return .lowercase
        case "StripAccents": return .stripAccents
        case "Nmt": return .nmt
        case "ByteLevel": return .byteLevel
        case "Prepend": return .prepend(try field.required("prepend").bytes())
        case "Replace": return .replace(try replacement(field))
        case "Strip":
            return .strip(
                left: try field.bool("strip_left", or: true),
                right: try field.bool("strip_right", or: true))
        case "Precompiled":
            let text = try field.required("precompiled_charsmap")
            guard let bytes = Base64.decode(try text.bytes()) else {
                throw text.failure("is not Base64")
            }
            return .characterMap(try CharacterMap(bytes, path: field.path))
        case "BertNormalizer":
            let lowercases = try field.bool("lowercase", or: true)
            return .bert(
                cleans: try field.bool("clean_text", or: true),
                spacesIdeographs: try field.bool("handle_chinese_chars", or: true),
                stripsAccents: try field.bool("strip_accents", or: lowercases),
                lowercases: lowercases)
        case "Sequence": return .sequence(try sequence(field, "normalizers", depth, normalizer))
        default: throw field.failure("normalisers of type \(type) are not known")
        }
    }

    /// {"String": …} or {"Regex": …}, replaced by `content`.
    private static func replacement(_ field: JSONField) throws(FileError) -> Replacement {
        let content = try field.required("content").bytes()
        guard content.count <= 4096 else {
            throw field.failure("a replacement of \(content.count) bytes is too long")
        }
        let pattern = try field.required("pattern")
        if let text = pattern["String"] {
            return Replacement(part: .text(try text.bytes()), content: content)
        }
        let source = try pattern.required("Regex").string()
        return Replacement(part: .pattern(try Pattern(source, path: field.path)), content: content)
    }

    // MARK: decoders

    static func decoder(_ field: JSONField) throws(FileError) -> Decoder { try decoder(field, 0) }

    private static func decoder(_ field: JSONField, _ depth: Int) throws(FileError) -> Decoder {
        let type = try field.required("type").string()
        switch type {
        case "ByteLevel": return .byteLevel
        case "ByteFallback": return .byteFallback
        case "Fuse": return .fuse
        case "Replace": return .replace(try replacement(field))
        case "Strip":
            return .strip(
                content: try field.required("content").bytes(),
                start: try field["start"]?.int() ?? 0, stop: try field["stop"]?.int() ?? 0)
        case "Metaspace":
            return .metaspace(
                replacement: try field.text("replacement", or: "▁").bytes,
                dropsFirst: try prefix(field) != .never)
        case "WordPiece":
            return .wordPiece(
                prefix: try field.text("prefix", or: "##").bytes,
                cleansUp: try field.bool("cleanup", or: true))
        case "BPEDecoder": return .suffix(try field.text("suffix", or: "</w>").bytes)
        case "CTC":
            return .ctc(
                pad: try field.text("pad_token", or: "<pad>").bytes,
                delimiter: try field.text("word_delimiter_token", or: "|").bytes,
                cleansUp: try field.bool("cleanup", or: true))
        case "Sequence": return .sequence(try sequence(field, "decoders", depth, decoder))
        default: throw field.failure("decoders of type \(type) are not known")
        }
    }

    /// When Metaspace puts its sign in front; files of the first years have a switch.
    static func prefix(_ field: JSONField) throws(FileError) -> PreTokenizer.Prefix {
        guard let scheme = field["prepend_scheme"] else {
            return try field.bool("add_prefix_space", or: true) ? .always : .never
        }
        guard let prefix = PreTokenizer.Prefix(rawValue: try scheme.string()) else {
            throw scheme.failure("must be always, first or never")
        }
        return prefix
    }

    // MARK: marks

    static func marks(_ field: JSONField) throws(FileError) -> PostProcessor { try marks(field, 0) }

    private static func marks(_ field: JSONField, _ depth: Int) throws(FileError) -> PostProcessor {
        let type = try field.required("type").string()
        var marks = PostProcessor()
        switch type {
        case "ByteLevel": break
        case "TemplateProcessing":
            marks.single = try template(field, "single")
            marks.pair = try template(field, "pair")
        case "BertProcessing", "RobertaProcessing":
            let (begin, end) = (try pairID(field, "cls"), try pairID(field, "sep"))
            marks.single = [.marks([begin]), .text(0), .marks([end])]
            let between = type == "BertProcessing" ? [end] : [end, end]
            marks.pair = [.marks([begin]), .text(0), .marks(between), .text(1), .marks([end])]
        case "Sequence":
            // Only one of them adds marks in files that exist.
            for step in try sequence(field, "processors", depth, TokenizerJSON.marks)
            where step != PostProcessor() {
                marks = step
            }
        default: throw field.failure("post-processors of type \(type) are not known")
        }
        return marks
    }

    /// ["[SEP]", 102].
    private static func pairID(_ field: JSONField, _ key: String) throws(FileError) -> Int {
        let items = try field.required(key).items()
        guard items.count == 2 else { throw field.failure("\(key) must be a token and its id") }
        return try items[1].id()
    }

    private static func template(_ field: JSONField, _ key: String) throws(FileError)
        -> [PostProcessor.Item]
    {
        var items: [PostProcessor.Item] = []
        for item in try field.required(key).items() {
            if let text = item["Sequence"] {
                items.append(.text(try text.required("id").string() == "A" ? 0 : 1))
                continue
            }
            let name = try item.required("SpecialToken").required("id").string()
            let tokens = try field.required("special_tokens")
            let ids = try tokens.required(name).required("ids").items()
            var marks: [Int] = []
            for id in ids { marks.append(try id.id()) }
            items.append(.marks(marks))
        }
        guard items.count(where: { $0 == .text(0) }) <= 1,
            items.count(where: { $0 == .text(1) }) <= 1
        else { throw field.failure("\(key) takes a text more than once") }
        return items
    }
}

extension String {
    var bytes: [UInt8] { Array(utf8) }
}
