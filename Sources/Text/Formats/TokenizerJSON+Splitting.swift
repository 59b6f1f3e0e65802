import Files

extension TokenizerJSON {
    /// Whether the model can work on bytes: text ends up as their printable stand-ins, and nothing else is put to them.
    static func isByteLevel(_ steps: JSON?, _ model: JSONField) -> Bool {
        let isPlain = ["continuing_subword_prefix", "end_of_word_suffix"].allSatisfy {
            model[$0]?.value.string?.isEmpty ?? true
        }
        return isPlain && (try? kind(of: model)) == "BPE" && endsByteLevel(steps)
    }

    private static func endsByteLevel(_ value: JSON?) -> Bool {
        guard let value else { return false }
        if value["type"]?.string == "Sequence" {
            guard let steps = value["pretokenizers"]?.array else { return false }
            let levels = steps.filter { $0["type"]?.string == "ByteLevel" }
            return levels.count == 1 && steps.last?["type"]?.string == "ByteLevel"
        }
        return value["type"]?.string == "ByteLevel"
    }

    static func preTokenizer(_ field: JSONField, mapsBytes: Bool) throws(FileError) -> PreTokenizer
    {
        try preTokenizer(field, mapsBytes, 0)
    }

    private static func preTokenizer(_ field: JSONField, _ mapsBytes: Bool, _ depth: Int)
        throws(FileError) -> PreTokenizer
    {
        let type = try field.required("type").string()
        switch type {
        case "ByteLevel":
            return .byteLevel(
                prefixesSpace: try field.bool("add_prefix_space", or: true),
                usesPattern: try field.bool("use_regex", or: true), mapsBytes: mapsBytes)
        case "Split": return try split(field)
        case "Metaspace":
            return .metaspace(
                sign: try field.text("replacement", or: "▁").bytes, try prefix(field),
                splits: try field.bool("split", or: true))
        case "Whitespace":
            return .split(.runs(WordKinds.words), .isolated, inverted: false).dropping
        case "WhitespaceSplit":
            return .split(.characters(WordKinds.isBlank), .removed, inverted: false)
        case "BertPreTokenizer":
            return .sequence([
                .split(.characters(WordKinds.isBlank), .removed, inverted: false),
                .split(.characters(WordKinds.isSign), .isolated, inverted: false),
            ])
        case "Punctuation":
            return .split(.characters(WordKinds.isSign), try behavior(field), inverted: false)
        case "UnicodeScripts":
            let pattern = try Pattern(ScriptPattern.source, path: field.path)
            return .split(.pattern(pattern), .removed, inverted: true)
        case "Digits":
            let single = try field.bool("individual_digits", or: false)
            return .split(
                .characters(WordKinds.isNumber), single ? .isolated : .contiguous, inverted: false)
        case "CharDelimiterSplit":
            return .split(
                .text(try field.required("delimiter").bytes()), .removed, inverted: false)
        case "Sequence":
            guard depth < 16 else { throw field.failure("nested deeper than 16") }
            var steps: [PreTokenizer] = []
            for item in try field.required("pretokenizers").items() {
                steps.append(try preTokenizer(item, mapsBytes, depth + 1))
            }
            return .sequence(steps)
        default: throw field.failure("pre-tokenisers of type \(type) are not known")
        }
    }

    private static func behavior(_ field: JSONField) throws(FileError) -> PreTokenizer.Behavior {
        let name = try field.text("behavior", or: "Isolated")
        guard let behavior = PreTokenizer.Behavior(rawValue: name) else {
            throw field.failure("behavior \(name) is not known")
        }
        return behavior
    }

    private static func split(_ field: JSONField) throws(FileError) -> PreTokenizer {
        let (behavior, inverted) = (try behavior(field), try field.bool("invert", or: false))
        let pattern = try field.required("pattern")
        if let text = pattern["String"] {
            return .split(.text(try text.bytes()), behavior, inverted: inverted)
        }
        let source = try pattern.required("Regex").string()
        let splitter = try Splitter(pattern: source, path: field.path)
        return .split(splitter, behavior, inverted: inverted)
    }
}

extension Splitter {
    /// A well-known pattern is scanned by hand; PCRE2 runs the others.
    init(pattern source: String, path: String) throws(FileError) {
        if let scanner = WordScanner(source: source) {
            self = .scanner(scanner)
        } else {
            self = .pattern(try Pattern(source, path: path))
        }
    }
}

extension PreTokenizer {
    /// Runs of kinds with what is of none left out.
    fileprivate var dropping: PreTokenizer {
        guard case .split(.runs(let kind), _, _) = self else { return self }
        return .sequence([
            self, .split(.characters { kind($0) == 0 }, .removed, inverted: false),
        ])
    }

    /// The scanner that does all of the splitting, if one does.
    var scanner: WordScanner? {
        switch self {
        case .byteLevel(prefixesSpace: false, usesPattern: true, mapsBytes: false):
            return WordScanner(.gpt2)
        case .sequence(let steps):
            if steps.count == 1 { return steps[0].scanner }
            guard steps.count == 2, case .split(.scanner(let scanner), .isolated, _) = steps[0],
                case .byteLevel(prefixesSpace: false, usesPattern: false, mapsBytes: false) = steps[
                    1]
            else { return nil }
            return scanner
        default: return nil
        }
    }
}

/// The kinds of characters that the named splitting steps tell apart.
enum WordKinds {
    /// 1 for what words are made of, 0 for blanks, 2 for the rest: `\w+|[^\w\s]+`.
    @Sendable static func words(_ character: Unicode.Scalar) -> Int {
        let properties = character.properties
        if properties.isWhitespace { return 0 }
        if properties.isAlphabetic || properties.isJoinControl { return 1 }
        switch properties.generalCategory {
        case .decimalNumber, .connectorPunctuation: return 1
        case let category: return category.isMark ? 1 : 2
        }
    }

    @Sendable static func isBlank(_ character: Unicode.Scalar) -> Bool {
        character.isASCII
            ? character == " " || (9...13).contains(character.value)
            : character.properties.isWhitespace
    }

    /// Punctuation, and every sign of ASCII.
    @Sendable static func isSign(_ character: Unicode.Scalar) -> Bool {
        if character.isASCII {
            return switch character {
            case "!"..."/", ":"..."@", "["..."`", "{"..."~": true
            default: false
            }
        }
        switch character.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    @Sendable static func isNumber(_ character: Unicode.Scalar) -> Bool {
        switch character.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }
}
