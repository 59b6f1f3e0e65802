/// How ids become text where each has a text of its own: SentencePiece's way and llama.cpp's.
struct PieceDecoder: Sendable {
    /// What a token is, in the numbers of both file formats.
    enum Kind: Int, Sendable {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    /// The text of each id, blanks as blanks.
    var texts: [[UInt8]]
    /// SentencePiece: blanks at the very beginning came from the encoder.
    var dropsBlanks = Blanks.none
    /// llama.cpp: without the blanks before signs.
    var cleansUp = false
    /// Ids of bytes, where bytes that make no character become U+FFFD one by one.
    var bytes: Set<Int> = []
    /// The id whose text keeps its blanks.
    var unknown: Int?
    /// Ids that give no text.
    var silent: Set<Int> = []

    enum Blanks: Sendable {
        case none
        /// One blank of the first token.
        case one
        /// One blank of each token until there is text, or of one token only.
        case untilText, ofOneToken
    }

    func decode(_ ids: [Int], keepsBytes: Bool) -> [UInt8] {
        var result: [UInt8] = []
        var run: [UInt8] = []
        var mayDrop = dropsBlanks != .none
        func flush() {
            result += keepsBytes ? run : PieceDecoder.characters(run)
            run = []
        }
        for (i, id) in ids.enumerated() where texts.indices.contains(id) {
            if bytes.contains(id) {
                run += texts[id]
                continue
            }
            flush()
            if !result.isEmpty || (dropsBlanks == .one && i > 0) { mayDrop = false }
            if silent.contains(id) { continue }
            let text = texts[id]
            let isDropped = mayDrop && text.first == 32 && id != unknown
            result += text.dropFirst(isDropped ? 1 : 0)
            if isDropped && dropsBlanks == .ofOneToken { mayDrop = false }
        }
        flush()
        return cleansUp ? PieceDecoder.cleaned(result) : result
    }

    /// The characters of bytes; each byte that belongs to none becomes U+FFFD.
    private static func characters(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var i = 0
        while i < bytes.count {
            let end = min(i + characterLength(bytes[i]), bytes.count)
            if String(validating: bytes[i..<end], as: UTF8.self) != nil {
                result += bytes[i..<end]
                i = end
            } else {
                result += [0xef, 0xbf, 0xbd]
                i += 1
            }
        }
        return result
    }

    /// Without blanks before ? ! . , and before 's 'm 're 've, and around a lone '.
    private static func cleaned(_ text: [UInt8]) -> [UInt8] {
        var text = filtered(text) { text, i in
            "?!.,".utf8.contains(text[i]) ? (1, 0) : (0, 0)
        }
        let quote = UInt8(ascii: "'")
        text = filtered(text) { text, i in
            let isLone = text[i] == quote && i + 1 < text.count && text[i + 1] == 32
            return isLone ? (1, 1) : (0, 0)
        }
        return filtered(text) { text, i in
            guard text[i] == quote, i + 1 < text.count else { return (0, 0) }
            let next = text[(i + 1)...].prefix(2)
            if next.first == UInt8(ascii: "s") || next.first == UInt8(ascii: "m") { return (1, 0) }
            return next.elementsEqual("re".utf8) || next.elementsEqual("ve".utf8) ? (1, 0) : (0, 0)
        }
    }

    /// The text without the bytes that a rule drops before and behind a byte that follows a blank. A blank that was dropped
    /// behind one byte is none to the next.
    private static func filtered(_ text: [UInt8], _ rule: ([UInt8], Int) -> (Int, Int)) -> [UInt8] {
        guard let first = text.first else { return text }
        var result = [first]
        var i = 1
        var followsBlank = first == 32
        while i < text.count {
            let (before, behind) = followsBlank ? rule(text, i) : (0, 0)
            result.removeLast(min(before, result.count))
            result.append(text[i])
            followsBlank = behind == 0 && text[i] == 32
            i += 1 + behind
        }
        return result
    }
}
