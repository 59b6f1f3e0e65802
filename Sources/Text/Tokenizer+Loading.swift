public import Files

extension Tokenizer {
    /// The tokenizer of a folder, or of one of the files that describe one.
    public init(path: String) throws(FileError) {
        let file = isFolder(path) ? "\(path)/tokenizer.json" : path
        self = try Tokenizer(json: JSON(parsing: readFile(file), path: file), path: file)
    }
}
