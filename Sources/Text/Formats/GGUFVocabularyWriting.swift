public import Files

/// What a GGUF file says of a Hugging Face folder's tokenizer: entries under `tokenizer.ggml.`.
///
/// A GGUF file names its way of splitting instead of spelling it out. The name is the one with which a text of many scripts
/// becomes the same ids as with the folder's own files; there is none for every folder, and then this throws.
public struct GGUFVocabularyWriting {
    public private(set) var entries: [(key: String, value: GGUFValue)] = []

    private let folder: String
    private let original: Tokenizer
    private var tokens: [[UInt8]] = []
    private var kinds: [PieceDecoder.Kind] = []
    private var scores: [Float] = []
    private var merges: [String] = []
    private var algorithm = GGUFVocabulary.Kind.bytePairs
    /// Of unigrams: how characters are replaced before the split.
    private var characterMap: [UInt8] = []

    /// - Parameters:
    ///   - size: how many rows the model's table of tokens has; what is missing is filled up.
    ///   - bos, eos, padding: ids of marks, as the folder's config.json has them.
    public init(folder: String, size: Int, bos: Int?, eos: Int?, padding: Int?) throws(FileError) {
        (self.folder, original) = (folder, try Tokenizer(path: folder))
        let names = ["tokenizer.model", "spiece.model"].map { "\(folder)/\($0)" }
        if exists("\(folder)/tokenizer.json") {
            try readJSON("\(folder)/tokenizer.json")
        } else if let path = names.first(where: { exists($0) }) {
            try readSentencePiece(path)
        } else if exists("\(folder)/vocab.txt") {
            readTokens()
            algorithm = .wordPiece
        } else {
            readTokens()
            merges = try Tokenizer.merges("\(folder)/merges.txt").compactMap(\.string)
        }
        fill(to: max(size, original.count))
        var marks = self.marks(bos, eos)
        if let padding, tokens.indices.contains(padding) {
            marks.append(("padding_token_id", .uint32(UInt32(clamping: padding))))
        }
        let list =
            switch algorithm {
            case .bytePairs: try bytePairs(marks)
            case .sentencePiece: try sentencePiece(marks)
            case .unigram: try unigram(marks)
            case .wordPiece: try wordPiece()
            }
        entries = list.map { ("tokenizer.ggml.\($0.key)", $0.value) }
    }

    private typealias Entries = [(key: String, value: GGUFValue)]

    // MARK: reading

    /// The tokens of the folder's own tokenizer by id; gaps are not used.
    private mutating func readTokens() {
        for id in 0..<original.count {
            tokens.append(original.tokenBytes(id) ?? [])
            kinds.append(original.tokenBytes(id) == nil ? .unused : .normal)
        }
        for token in original.addedTokens where tokens.indices.contains(token.id) {
            kinds[token.id] = token.isSpecial ? .control : .userDefined
        }
    }

    private mutating func readJSON(_ path: String) throws(FileError) {
        let json = try JSON(parsing: readFile(path), path: path)
        let model = try JSONField(json, path: path).required("model")
        readTokens()
        switch try TokenizerJSON.kind(of: model) {
        case "BPE":
            merges = (model.value["merges"]?.array ?? []).map { item in
                item.string ?? (item.array ?? []).compactMap(\.string).joined(separator: " ")
            }
            guard !TokenizerJSON.isByteLevel(json["pre_tokenizer"], model) else { return }
            algorithm = .sentencePiece
            scoreByRank(model.value["unk_token"]?.string)
        case "Unigram":
            algorithm = .unigram
            scores = (model.value["vocab"]?.array ?? []).map { Float($0.array?.last?.double ?? 0) }
            scores += repeatElement(0, count: max(0, tokens.count - scores.count))
            if let id = model.value["unk_id"]?.int, kinds.indices.contains(id) {
                kinds[id] = .unknown
            }
            let steps = json["normalizer"]?["normalizers"]?.array ?? [json["normalizer"] ?? .null]
            let map = steps.lazy.compactMap { $0["precompiled_charsmap"]?.string }.first
            characterMap = map.flatMap { Base64.decode(Array($0.utf8)) } ?? []
        case "WordPiece": algorithm = .wordPiece
        case let kind:
            throw FileError(path, "GGUF files have no vocabularies of type \(kind)")
        }
    }

    /// The sooner two tokens merge, the higher what they become scores: the order of merging stays.
    private mutating func scoreByRank(_ unknown: String?) {
        scores = [Float](repeating: -1e9, count: tokens.count)
        for (rank, merge) in merges.enumerated() {
            let whole = merge.split(separator: " ", maxSplits: 1).joined()
            if let id = original.id(of: whole), id < scores.count, scores[id] == -1e9 {
                scores[id] = -Float(rank)
            }
        }
        for (id, token) in tokens.enumerated() where kinds[id] == .normal {
            if Decoder.byte(token) != nil { kinds[id] = .byte }
        }
        if let id = unknown.flatMap({ original.id(of: $0) }), id < kinds.count {
            kinds[id] = .unknown
        }
    }

    private mutating func readSentencePiece(_ path: String) throws(FileError) {
        let file = try SentencePieceModel(readFile(path), path: path)
        guard file.algorithm == .bpe || file.algorithm == .unigram else {
            throw FileError(path, "GGUF files have no vocabularies of whole words or characters")
        }
        algorithm = file.algorithm == .bpe ? .sentencePiece : .unigram
        tokens = file.pieces.map(\.text)
        kinds = file.pieces.map(\.kind)
        scores = file.pieces.map(\.score)
        characterMap = file.normalizer.map?.bytes ?? []
    }

    private mutating func fill(to size: Int) {
        for id in tokens.indices where tokens[id].isEmpty {
            (tokens[id], kinds[id]) = (Array("[PAD\(id)]".utf8), .unused)
        }
        while tokens.count < size {
            tokens.append(Array("[PAD\(tokens.count)]".utf8))
            kinds.append(.unused)
            if !scores.isEmpty { scores.append(-1e9) }
        }
    }

    // MARK: writing

    /// The marks, and whether they are put around a text.
    private func marks(_ bos: Int?, _ eos: Int?) -> Entries {
        let (bare, marked) = (original.encode("a", addsMarks: false), original.encode("a"))
        let start = marked.firstIndex { $0 == bare.first } ?? 0
        let behind = marked.count - start - bare.count
        var list: Entries = [
            ("add_bos_token", .bool(start > 0)), ("add_eos_token", .bool(behind > 0)),
        ]
        let begin = start > 0 ? marked.first : bos
        let end = behind > 0 ? marked.last : eos
        for (name, id) in [("bos", begin), ("eos", end)] {
            if let id, tokens.indices.contains(id) {
                list.append(("\(name)_token_id", .uint32(UInt32(clamping: id))))
            }
        }
        return list
    }

    private var common: Entries {
        [
            ("tokens", .array(of: .string, tokens.map { .string($0) })),
            ("token_type", .integers(kinds.map { Int32($0.rawValue) })),
        ]
    }

    /// The names of splittings, the usual ones first.
    private static let splittings = [
        "gpt-2", "llama-bpe", "qwen2", "smollm", "tekken", "gpt-4o", "deepseek-llm", "deepseek-v3",
        "deepseek-coder", "command-r", "falcon", "viking", "bloom", "default",
    ]

    private func bytePairs(_ marks: Entries) throws(FileError) -> Entries {
        for name in GGUFVocabularyWriting.splittings {
            let list: Entries =
                [("model", .text("gpt2")), ("pre", .text(name))] + common
                + [("merges", .texts(merges))] + marks
            if isRight(list) { return list }
        }
        throw FileError(folder, "its tokenizer splits text in a way that GGUF has no name for")
    }

    private var unknown: Entries {
        kinds.firstIndex(of: .unknown).map {
            [("unknown_token_id", .uint32(UInt32(clamping: $0)))]
        } ?? []
    }

    private func unigram(_ marks: Entries) throws(FileError) -> Entries {
        var list: Entries =
            [("model", .text("t5")), ("pre", .text("default"))] + common
            + [("scores", .floats(scores))] + marks + unknown
        if !characterMap.isEmpty {
            let bytes = characterMap.map { GGUFValue.uint8($0) }
            list.append(("precompiled_charsmap", .array(of: .uint8, bytes)))
        }
        for (addsBlank, removesBlanks) in [
            (true, true), (true, false), (false, true), (false, false),
        ] {
            let whole: Entries =
                list + [
                    ("add_space_prefix", .bool(addsBlank)),
                    ("remove_extra_whitespaces", .bool(removesBlanks)),
                ]
            if isRight(whole, GGUFVocabularyWriting.samples + ["  blanks first"]) { return whole }
        }
        throw FileError(folder, "its tokenizer does what GGUF's way of unigrams does not")
    }

    /// A sign begins what begins a word; what goes on has no mark any more. Marks stay as they are.
    private func wordPiece() throws(FileError) -> Entries {
        var own = self
        let continuing = Array("##".utf8)
        for (id, token) in tokens.enumerated() where kinds[id] == .normal {
            own.tokens[id] =
                token.starts(with: continuing)
                ? Array(token.dropFirst(continuing.count)) : Tokenizer.blankSign + token
        }
        let marks: Entries = [
            ("bos", "[CLS]"), ("cls", "[CLS]"), ("eos", "[SEP]"), ("seperator", "[SEP]"),
            ("unknown", "[UNK]"), ("padding", "[PAD]"), ("mask", "[MASK]"),
        ].compactMap { name, token in
            original.id(of: token).map {
                ("\(name)_token_id", .uint32(UInt32(clamping: $0)))
            }
        }
        let list: Entries =
            [("model", .text("bert")), ("pre", .text("default"))] + own.common + marks
        guard isRight(list, GGUFVocabularyWriting.plainSamples) else {
            throw FileError(
                folder, "its tokenizer does what GGUF's way of words, in lower case, does not")
        }
        return list
    }

    private func sentencePiece(_ marks: Entries) throws(FileError) -> Entries {
        for addsBlank in [true, false] {
            let list: Entries =
                [("model", .text("llama")), ("pre", .text("default"))] + common
                + [("scores", .floats(scores)), ("add_space_prefix", .bool(addsBlank))] + marks
                + unknown
            if isRight(list) { return list }
        }
        throw FileError(folder, "its tokenizer does what GGUF's way of SentencePiece does not")
    }

    /// Whether what these entries describe gives the same ids as the folder's own tokenizer.
    private func isRight(_ list: Entries, _ samples: [String] = samples) -> Bool {
        var metadata = GGUFMetadata()
        for (key, value) in list { metadata["tokenizer.ggml.\(key)"] = value }
        guard let written = try? Tokenizer(gguf: metadata, path: folder) else { return false }
        return samples.allSatisfy {
            written.encode($0) == original.encode($0)
        }
    }

    /// What llama.cpp's way of words takes as BERT does: of a letter in several parts, as Korean has them, it sees the first.
    static let plainSamples = [
        samples[0], samples[2], "École naïve Größe über Straße Привет, мир! 你好，世界 HTTPServer",
    ]

    static let samples = [
        """
        Hello, world!  I'm sure they'LL say: "don't", won't they? 3 33 333 3333 33333 1,234.56
        \tTabs\t\tand   blanks \n\n\n  lines \r\n end.   
        """,
        "École naïve Größe über Straße Привет, мир! 你好，世界 こんにちは 안녕하세요 नमस्ते مرحبا",
        "def f(x):\n    return x**2 # 100% sure_of_it; a->b, $5/€3, e-mail@example.org\n\n",
        "🙂🙃 👩‍💻 ﬁ ½ № … – — “quotes” ‘single’ HTTPServer camelCase snake_case ABCdef",
    ]
}
