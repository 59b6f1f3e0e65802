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

    /// The files of a folder that describe a tokenizer, the most telling first.
    private init(folder: String) throws(FileError) {
        for name in ["tokenizer.json", "tokenizer.model", "spiece.model"] {
            if exists("\(folder)/\(name)") {
                self = try Tokenizer(path: "\(folder)/\(name)")
                return
            }
        }
        guard exists("\(folder)/vocab.json"), exists("\(folder)/merges.txt") else {
            throw FileError(
                folder, "has no tokenizer.json, tokenizer.model, or vocab.json with merges.txt")
        }
        self = try Tokenizer(mergesIn: folder)
    }
}
