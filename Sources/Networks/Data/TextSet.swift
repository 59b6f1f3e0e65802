public import Files

/// Texts from files: each .txt (or other) file is one, each line of a .jsonl file is one.
public struct TextSet: Sendable {
    /// In the order of the files and lines; each is UTF-8.
    public let texts: [[UInt8]]

    /// - Parameters:
    ///   - place: a file, or a folder whose files are read in order.
    ///   - key: where a line of JSON has its text.
    ///   - note: shows what was left out; the standard error, if none is given.
    public init(
        _ place: DataPlace, key: String = "text", note: ((String) -> Void)? = nil
    ) throws(FileError) {
        let files = isFolder(place.path) ? try filesBelow(place.path) : [place.path]
        var broken = BrokenExamples(place, note: note)
        var texts: [[UInt8]] = []
        for file in files {
            let bytes = try readUnpacked(file)
            let name = file.hasSuffix(".gz") ? String(file.dropLast(3)) : file
            guard name.hasSuffix(".jsonl") else {
                let text = try broken.example { () throws(FileError) in
                    try TextSet.checked(bytes, file)
                }
                if let text { texts.append(text) }
                continue
            }
            for (i, line) in bytes.split(separator: 10, omittingEmptySubsequences: false)
                .enumerated()
            where line.contains(where: { $0 > 32 }) {
                let text = try broken.example { () throws(FileError) in
                    try TextSet.text(of: Array(line), key, "\(file), line \(i + 1)")
                }
                if let text { texts.append(text) }
            }
        }
        broken.close()
        guard texts.contains(where: { !$0.isEmpty }) else {
            throw FileError(place.path, "holds no text")
        }
        self.texts = texts
    }

    /// All texts in one, an empty line between them.
    public var joined: [UInt8] { Array(texts.joined(separator: [10, 10])) }

    private static func checked(_ bytes: [UInt8], _ path: String) throws(FileError) -> [UInt8] {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw FileError(path, "is no UTF-8 text")
        }
        return bytes
    }

    private static func text(of line: [UInt8], _ key: String, _ path: String) throws(FileError)
        -> [UInt8]
    {
        let json = try JSON(parsing: checked(line, path), path: path)
        guard let text = json[key]?.string else { throw FileError(path, "has no text \"\(key)\"") }
        return Array(text.utf8)
    }
}
