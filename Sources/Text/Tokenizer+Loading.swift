public import Files

extension Tokenizer {
    /// The tokenizer of a folder, or of one of the files that describe one.
    public init(path: String) throws(FileError) {
        if isFolder(path) {
            self = try Tokenizer(folder: path)
            return
        }
        let isGGUF = try GGUFFile.isOne(path)
        if isGGUF || path.hasSuffix(".gguf") {
            self = try Tokenizer(gguf: GGUFFile(path: path).metadata, path: path)
            return
        }
        let bytes = try readFile(path)
        if path.hasSuffix(".tiktoken") {
            self = try Tokenizer(
                tiktoken: bytes, pattern: WordScanner.usualSource, marks: [], path: path)
        } else if path.hasSuffix(".json") || bytes.first == UInt8(ascii: "{") {
            self = try Tokenizer(json: JSON(parsing: bytes, path: path), path: path)
        } else {
            self = try Tokenizer(sentencePiece: bytes, path: path)
        }
    }

    /// The files of a folder that describe a tokenizer, the most telling first. What `tokenizer_config.json` adds counts where
    /// the vocabulary is not a tokenizer.json, which says everything itself.
    private init(folder: String) throws(FileError) {
        if exists("\(folder)/tokenizer.json") {
            self = try Tokenizer(path: "\(folder)/tokenizer.json")
            return
        }
        let settings = try TokenizerSettings(folder: folder)
        if let name = ["tokenizer.model", "spiece.model"].first(where: { exists("\(folder)/\($0)") }
        ) {
            self = try Tokenizer(path: "\(folder)/\(name)")
        } else if exists("\(folder)/vocab.json"), exists("\(folder)/merges.txt") {
            self = try Tokenizer(mergesIn: folder)
        } else if exists("\(folder)/vocab.txt") {
            self = try Tokenizer(wordPiecesIn: folder, settings)
            return
        } else {
            throw FileError(
                folder,
                "has no tokenizer.json, tokenizer.model, vocab.txt, or vocab.json with merges.txt")
        }
        if let settings { apply(settings) }
    }
}
