import Files

extension GGUFVocabulary {
    func sentencePiece() -> Tokenizer {
        let items = tokens.indices.map { id in
            ScoredBPE.Token(text: tokens[id], id: id, score: scores.isEmpty ? 0 : scores[id])
        }
        var model = ScoredBPE(
            items, count: tokens.count, unknown: unknown, fallback: TokenizerJSON.fallback(table))
        model.fusesUnknown = false
        var tokenizer = Tokenizer(vocabulary: table, model: model)
        let sign = Replacement(part: .text([32]), content: Tokenizer.blankSign)
        let prefix = addsBlank ? [Normalizer.prepend([32])] : []
        tokenizer.normalizer = .sequence(prefix + [.replace(sign)])
        return tokenizer
    }

    func unigram(_ path: String) throws(FileError) -> Tokenizer {
        let score = { (id: Int) in scores.isEmpty ? 0 : scores[id] }
        let lowest = tokens.indices.filter { kinds[$0] == .normal }.map(score).min() ?? 0
        let usable = tokens.indices.filter { [.normal, .userDefined, .unused].contains(kinds[$0]) }
        let model = Unigram(
            tokens: usable.map { (tokens[$0], $0, kinds[$0] == .userDefined ? 0 : score($0)) },
            unknown: unknown, lowest: lowest, isSingle: false)
        var tokenizer = Tokenizer(vocabulary: table, model: model)
        var normalizer = SentencePieceNormalizer()
        if let list = metadata["tokenizer.ggml.precompiled_charsmap"]?.array, !list.isEmpty {
            let bytes = list.compactMap { $0.int.flatMap { UInt8(exactly: $0 & 0xff) } }
            normalizer.map = try CharacterMap(bytes, path: path)
        }
        for id in usable where kinds[id] == .userDefined {
            normalizer.symbols.insert(tokens[id], value: id)
        }
        normalizer.addsBlank = addsBlank
        normalizer.removesBlanks = flag("remove_extra_whitespaces", or: false)
        tokenizer.normalizer = .sentencePiece(normalizer)
        return tokenizer
    }

    /// Words in lower case, without accents; a sign begins each of them.
    func wordPiece() -> Tokenizer {
        let model = WordPiece(
            tokens: table, unknown: unknown, prefix: [], mostCharacters: .max,
            begin: Tokenizer.blankSign)
        var tokenizer = Tokenizer(vocabulary: table, model: model)
        tokenizer.normalizer = .baseLetters
        tokenizer.preTokenizer = .sequence([
            .split(.characters { $0.properties.isWhitespace }, .removed, inverted: false),
            .split(
                .characters { GGUFSplitting.standsAlone($0) }, .isolated, inverted: false),
        ])
        return tokenizer
    }

    func bytePairs(_ path: String) throws(FileError) -> Tokenizer {
        let list = metadata["tokenizer.ggml.merges"]?.array ?? []
        let merges: [JSON] = list.map { .string($0.string ?? "") }
        let ignores = GGUFSplitting.ignoringMerges.contains(splitting)
        let model = JSON.object([
            JSON.Member(key: "merges", value: .array(merges)),
            JSON.Member(key: "ignore_merges", value: .bool(ignores)),
        ])
        let field = JSONField(model, place: "tokenizer.ggml", path: path)
        let bpe = try TokenizerJSON.bpe(field, table, isByteLevel: true)
        var tokenizer = Tokenizer(vocabulary: table, model: bpe)
        let steps = try GGUFSplitting.steps(splitting, path)
        tokenizer.preTokenizer = .sequence(steps)
        if steps.count == 1, case .split(.scanner(let scanner), _, _) = steps[0] {
            tokenizer.scanner = scanner
        }
        return tokenizer
    }
}

/// How llama.cpp splits text, by the name in a file.
enum GGUFSplitting {
    private static let contractions =
        "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    private static let gpt2 = WordScanner.sources[0].source
    private static let upperThenLower =
        #"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+"#
    private static let upperOnly =
        #"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*"#
    private static let signs = #" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static func grouped(_ digits: String) -> String {
        #"\#(contractions)|[^\r\n\p{L}\p{N}]?\p{L}+|\#(digits)| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
            + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    /// The patterns of a name, applied one after another.
    static func patterns(_ name: String) -> [String] {
        switch name {
        case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
            "lfm2", "dbrx", "smaug-bpe", "chatglm-bpe", "glm4":
            [grouped(#"\p{N}{1,3}"#)]
        case "qwen2", "stablelm2", "deepseek-r1-qwen", "hunyuan", "megrez", "solar", "mellum2":
            [grouped(#"\p{N}"#)]
        case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b":
            [#"\p{N}"#, gpt2]
        case "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "mpt",
            "olmo", "jais", "trillion", "granite-docling", "roberta-bpe", "jina-v1-en",
            "jina-v2-code", "a.x-4.0", "modern-bert":
            [gpt2]
        case "falcon": [#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"]
        case "deepseek-coder": ["[\r\n]", #"\s?\p{L}+"#, #"\s?\p{P}+"#, "[一-龥ࠀ-一가-퟿]+", #"\p{N}"#]
        case "deepseek-llm":
            [
                "[\r\n]", #"\s?\p{L&}+"#, #"\s?[!-/:-~！-／：-～‘-‟　-。]+"#, #"\s+$"#,
                "[一-龥ࠀ-一가-퟿]+", #"\p{N}+"#,
            ]
        case "deepseek-v3":
            [
                #"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+",
                ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
                    + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
            ]
        case "poro-chat", "bloom", "gpt3-finnish": [" ?[^(\\s|.,!?…。，、।۔،)]+"]
        case "viking": [" ?[^(\\s|.,!?…。，、।۔،)]+", #"\p{N}"#]
        case "tekken": [#"\#(upperThenLower)|\#(upperOnly)|\p{N}|\#(signs)"#]
        case "gpt-4o", "llama4":
            [
                #"\#(upperThenLower)\#(contractions)?|\#(upperOnly)\#(contractions)?|\p{N}{1,3}|\#(signs)"#
            ]
        default: [#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]
        }
    }

    static func steps(_ name: String, _ path: String) throws(FileError) -> [PreTokenizer] {
        var steps: [PreTokenizer] = []
        for pattern in patterns(name) {
            let splitter: Splitter
            switch pattern {
            case grouped(#"\p{N}{1,3}"#): splitter = .scanner(WordScanner(.grouped(digits: 3)))
            case grouped(#"\p{N}"#): splitter = .scanner(WordScanner(.grouped(digits: 1)))
            default: splitter = try Splitter(pattern: pattern, path: path)
            }
            steps.append(.split(splitter, .isolated, inverted: false))
        }
        return steps
    }

    /// The names whose models take a mark at the beginning where the file does not say.
    static let beginning: Set<String> = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "tekken", "chameleon",
    ]

    /// The names whose models take a word that is a token as it is.
    static let ignoringMerges: Set<String> = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "tekken",
    ]

    /// Whether decoding takes blanks before signs away.
    static func cleans(_ name: String) -> Bool {
        ![
            "deepseek-llm", "deepseek-coder", "deepseek-v3", "deepseek-r1-qwen", "command-r",
            "qwen2",
            "poro-chat", "viking", "tekken", "smollm", "chameleon", "megrez", "gpt-4o", "llama4",
            "superbpe", "trillion", "seed-coder", "hunyuan",
        ].contains(name)
    }

    /// Signs and ideographs are words of their own.
    static func standsAlone(_ character: Unicode.Scalar) -> Bool {
        if Normalizer.isIdeograph(character.value) { return true }
        switch character.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            return true
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return character.isASCII
        default: return false
        }
    }
}
