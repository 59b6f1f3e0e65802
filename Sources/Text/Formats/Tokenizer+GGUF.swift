public import Files

extension Tokenizer {
    /// The tokenizer that the metadata of a GGUF file describe, as llama.cpp reads them.
    public init(gguf metadata: GGUFMetadata, path: String) throws(FileError) {
        let file = try GGUFVocabulary(metadata, path: path)
        switch file.kind {
        case .sentencePiece: self = file.sentencePiece()
        case .unigram: self = try file.unigram(path)
        case .wordPiece: self = file.wordPiece()
        case .bytePairs: self = try file.bytePairs(path)
        }
        marks = file.marks
        added = AddedTokens(file.addedTokens)
        pieces = file.pieces
        padding = file.id("padding")
    }
}

/// The vocabulary in the metadata of a GGUF file.
struct GGUFVocabulary {
    enum Kind: String {
        case sentencePiece = "llama"
        case bytePairs = "gpt2"
        case wordPiece = "bert"
        case unigram = "t5"
    }

    let metadata: GGUFMetadata
    let kind: Kind
    let tokens: [[UInt8]]
    let scores: [Double]
    let kinds: [PieceDecoder.Kind]
    let table: TokenTable

    init(_ metadata: GGUFMetadata, path: String) throws(FileError) {
        self.metadata = metadata
        guard let model = metadata["tokenizer.ggml.model"]?.string else {
            throw FileError(path, "describes no tokenizer: tokenizer.ggml.model is missing")
        }
        guard let kind = Kind(rawValue: model) else {
            throw FileError(path, "tokenizers of type \(model) are not known")
        }
        self.kind = kind
        guard let list = metadata["tokenizer.ggml.tokens"]?.array, !list.isEmpty else {
            throw FileError(path, "tokenizer.ggml.tokens is missing or empty")
        }
        tokens = list.compactMap(\.bytes)
        guard tokens.count == list.count, tokens.count <= TokenTable.highestID else {
            throw FileError(path, "tokenizer.ggml.tokens must be texts, no more than 2^24")
        }
        scores = try GGUFVocabulary.numbers("scores", metadata, tokens.count, path) ?? []
        let types = try GGUFVocabulary.numbers("token_type", metadata, tokens.count, path)
        kinds = (types ?? Array(repeating: 1, count: tokens.count)).map {
            PieceDecoder.Kind(rawValue: Int(exactly: $0) ?? 1) ?? .normal
        }
        var table = TokenTable(capacity: tokens.count)
        for (id, token) in tokens.enumerated() { table.insert(token, id: id) }
        self.table = table
        for name in ["bos", "eos", "unknown", "padding", "cls", "seperator", "mask"] {
            if let id = metadata["tokenizer.ggml.\(name)_token_id"]?.int,
                !tokens.indices.contains(id), id != -1, id != Int(UInt32.max)
            {
                throw FileError(path, "tokenizer.ggml.\(name)_token_id is \(id), beyond the tokens")
            }
        }
    }

    private static func numbers(
        _ name: String, _ metadata: GGUFMetadata, _ count: Int, _ path: String
    ) throws(FileError) -> [Double]? {
        guard let value = metadata["tokenizer.ggml.\(name)"] else { return nil }
        guard let list = value.array else {
            throw FileError(path, "tokenizer.ggml.\(name) must be a list")
        }
        let numbers = list.compactMap(\.double)
        guard numbers.count == count, list.count == count, !numbers.contains(where: \.isNaN) else {
            throw FileError(path, "tokenizer.ggml.\(name) must be \(count) numbers")
        }
        return numbers
    }

    func flag(_ name: String, or fallback: Bool) -> Bool {
        metadata["tokenizer.ggml.\(name)"]?.bool ?? fallback
    }

    /// A named token that the vocabulary has.
    func id(_ name: String) -> Int? {
        metadata["tokenizer.ggml.\(name)_token_id"]?.int.flatMap {
            tokens.indices.contains($0) ? $0 : nil
        }
    }

    private func id(_ name: String, or fallback: Int) -> Int? {
        let named = metadata["tokenizer.ggml.\(name)_token_id"] != nil
        return named ? id(name) : tokens.indices.contains(fallback) ? fallback : nil
    }

    /// The way of splitting that the file names.
    var splitting: String { metadata["tokenizer.ggml.pre"]?.string ?? "" }

    // MARK: marks

    var unknown: Int? {
        switch kind {
        case .sentencePiece: id("unknown", or: 0)
        case .wordPiece: id("unknown", or: 100)
        case .unigram: id("unknown", or: 2)
        case .bytePairs: id("unknown")
        }
    }

    private var begin: Int? {
        switch kind {
        case .sentencePiece: id("bos", or: 1)
        case .wordPiece: id("cls") ?? id("bos", or: 101)
        case .unigram: id("bos")
        case .bytePairs: id("bos", or: 11)
        }
    }

    private var end: Int? {
        switch kind {
        case .sentencePiece: id("eos", or: 2)
        case .wordPiece: id("seperator", or: 102)
        case .unigram: id("eos", or: 1)
        case .bytePairs: id("eos", or: 11)
        }
    }

    var marks: PostProcessor {
        let isWords = kind == .wordPiece
        let begins = isWords || flag("add_bos_token", or: kind == .sentencePiece || beginsByPattern)
        let ends = isWords || flag("add_eos_token", or: kind == .unigram)
        let before = begins ? begin.map { [PostProcessor.Item.marks([$0])] } ?? [] : []
        let behind = ends ? end.map { [PostProcessor.Item.marks([$0])] } ?? [] : []
        var marks = PostProcessor()
        marks.single = before + [.text(0)] + behind
        marks.pair = before + [.text(0)] + behind + [.text(1)] + behind
        return marks
    }

    private var beginsByPattern: Bool {
        kind == .bytePairs && GGUFSplitting.beginning.contains(splitting)
    }

    /// The tokens that are found whole: marks and those that the model's makers added.
    var addedTokens: [AddedToken] {
        let isPhi3 = ["phi-3", "phi3"].contains {
            (metadata["general.name"]?.string ?? "").lowercased().contains($0)
        }
        return tokens.indices.compactMap { id in
            guard [.control, .userDefined, .unknown].contains(kinds[id]) else { return nil }
            let content = String(decoding: tokens[id], as: UTF8.self)
            var token = AddedToken(id: id, content: content)
            token.isSpecial =
                kinds[id] != .userDefined || GGUFVocabulary.knownMarks.contains(content)
            if isPhi3 { token.stripsRight = !["<unk>", "<s>", "<|endoftext|>"].contains(content) }
            return token
        }
    }

    /// Tokens that are marks whatever a file says: they end an answer, or frame what is to be filled in.
    private static let knownMarks: Set<String> = [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
        "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "< EOT >", "_< EOT >", "[EOT]",
        "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<｜end▁of▁sentence｜>",
        "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
        "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
        "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "<|fim_repo|>", "<|repo_name|>",
        "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>",
    ]

    // MARK: decoding

    var addsBlank: Bool {
        flag("add_space_prefix", or: kind == .sentencePiece || kind == .unigram)
    }

    var pieces: PieceDecoder {
        var decoder = PieceDecoder(texts: [])
        decoder.texts = tokens.indices.map { id in
            switch kinds[id] {
            case .normal, .unused:
                return kind == .bytePairs
                    ? ByteAlphabet.bytes(of: tokens[id][...]) ?? tokens[id]
                    : tokens[id].replacing(Tokenizer.blankSign, with: [32])
            case .byte: return Decoder.byte(tokens[id]).map { [$0] } ?? tokens[id]
            default: return tokens[id]
            }
        }
        decoder.dropsBlanks = addsBlank ? .one : .none
        let cleans = kind == .wordPiece || (kind == .bytePairs && GGUFSplitting.cleans(splitting))
        decoder.cleansUp = flag("clean_spaces", or: cleans)
        return decoder
    }
}
