/// Decodes ids as they come: what is handed out is whole characters only, and together the text of all ids.
public struct TokenStream: Sendable {
    private let tokenizer: Tokenizer
    private let keepsMarks: Bool
    /// The ids whose text the next one may change, and how many of their bytes are out already.
    private var ids: [Int] = []
    private var done = 0

    public init(_ tokenizer: Tokenizer, keepsMarks: Bool = false) {
        (self.tokenizer, self.keepsMarks) = (tokenizer, keepsMarks)
    }

    /// Some ids before the newest: decoders look no farther back.
    private static let window = 8

    /// The text that an id completes; empty while a character is unfinished.
    public mutating func next(_ id: Int) -> String {
        ids.append(id)
        let bytes = tokenizer.decodeBytes(ids, keepsMarks: keepsMarks)
        let end = max(done, bytes.count - unfinishedCount(bytes[...]))
        defer { forget(bytes.count, end) }
        return String(
            decoding: bytes[min(done, bytes.count)..<min(end, bytes.count)], as: UTF8.self)
    }

    /// What is left when no more ids come: a broken character as U+FFFD.
    public mutating func finish() -> String {
        let bytes = tokenizer.decodeBytes(ids, keepsMarks: keepsMarks)
        defer { (ids, done) = ([], 0) }
        return String(decoding: bytes.dropFirst(done), as: UTF8.self)
    }

    /// Drops old ids, where the text before the newest does not depend on them.
    private mutating func forget(_ count: Int, _ end: Int) {
        done = end
        guard ids.count >= TokenStream.window * 2, end == count else { return }
        ids.removeFirst(ids.count - TokenStream.window)
        done = tokenizer.decodeBytes(ids, keepsMarks: keepsMarks).count
    }
}
