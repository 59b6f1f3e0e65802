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

    /// - Parameters:
    ///   - size: how many rows the model's table of tokens has; what is missing is filled up.
    ///   - bos, eos, padding: ids of marks, as the folder's config.json has them.
    public init(folder: String, size: Int, bos: Int?, eos: Int?, padding: Int?) throws(FileError) {
        (self.folder, original) = (folder, try Tokenizer(path: folder))
        let isByteLevel: Bool
        if exists("\(folder)/tokenizer.json") || !exists("\(folder)/tokenizer.model") {
            isByteLevel = try readJSON()
        } else {
            try readSentencePiece()
            isByteLevel = false
        }
        fill(to: max(size, original.count))
        var marks = self.marks(bos, eos)
        if let padding, tokens.indices.contains(padding) {
            marks.append(("padding_token_id", .uint32(UInt32(clamping: padding))))
        }
        entries = try (isByteLevel ? bytePairs(marks) : sentencePiece(marks)).map {
            ("tokenizer.ggml.\($0.key)", $0.value)
        }
    }

    private typealias Entries = [(key: String, value: GGUFValue)]

    // MARK: reading

    /// - Returns: whether tokens are bytes.
    private mutating func readJSON() throws(FileError) -> Bool {
        let path = "\(folder)/tokenizer.json"
        let json = try exists(path) ? JSON(parsing: readFile(path), path: path) : nil
        let model = json?["model"]
        let isByteLevel =
            try json.map { json throws(FileError) in
                TokenizerJSON.isByteLevel(
                    json["pre_tokenizer"],
                    try JSONField(json, path: path).required("model"))
            } ?? true
        for id in 0..<original.count {
            tokens.append(original.tokenBytes(id) ?? [])
            kinds.append(original.tokenBytes(id) == nil ? .unused : .normal)
        }
        if let model {
            let kind = try TokenizerJSON.kind(of: JSONField(model, path: path))
            guard kind == "BPE" else {
                throw FileError(path, "vocabularies of type \(kind) cannot be written to GGUF yet")
            }
            merges = (model["merges"]?.array ?? []).map { item in
                item.string ?? (item.array ?? []).compactMap(\.string).joined(separator: " ")
            }
        } else {
            merges = try Tokenizer.merges("\(folder)/merges.txt").compactMap(\.string)
        }
        for token in original.addedTokens where tokens.indices.contains(token.id) {
            kinds[token.id] = token.isSpecial ? .control : .userDefined
        }
        if !isByteLevel { scoreByRank(model?["unk_token"]?.string) }
        return isByteLevel
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

    private mutating func readSentencePiece() throws(FileError) {
        let path = "\(folder)/tokenizer.model"
        let file = try SentencePieceModel(readFile(path), path: path)
        guard file.algorithm == .bpe else {
            throw FileError(path, "only vocabularies of byte pairs can be written to GGUF yet")
        }
        tokens = file.pieces.map(\.text)
        kinds = file.pieces.map(\.kind)
        scores = file.pieces.map(\.score)
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

    private func sentencePiece(_ marks: Entries) throws(FileError) -> Entries {
        let unknown = kinds.firstIndex(of: .unknown).map {
            [(key: "unknown_token_id", value: GGUFValue.uint32(UInt32(clamping: $0)))]
        }
        for addsBlank in [true, false] {
            let list: Entries =
                [("model", .text("llama")), ("pre", .text("default"))] + common
                + [("scores", .floats(scores)), ("add_space_prefix", .bool(addsBlank))] + marks
                + (unknown ?? [])
            if isRight(list) { return list }
        }
        throw FileError(folder, "its tokenizer does what GGUF's way of SentencePiece does not")
    }

    /// Whether what these entries describe gives the same ids as the folder's own tokenizer.
    private func isRight(_ list: Entries) -> Bool {
        var metadata = GGUFMetadata()
        for (key, value) in list { metadata["tokenizer.ggml.\(key)"] = value }
        guard let written = try? Tokenizer(gguf: metadata, path: folder) else { return false }
        return GGUFVocabularyWriting.samples.allSatisfy {
            written.encode($0) == original.encode($0)
        }
    }

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
