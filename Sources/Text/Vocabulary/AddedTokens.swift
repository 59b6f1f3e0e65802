/// A token that is found in the text as a whole, before anything splits it.
public struct AddedToken: Sendable, Equatable {
    public let id: Int
    public let content: String
    /// Whether decoding may leave it out: marks, not text.
    public var isSpecial = true
    /// Whether it is looked for in the normalised text.
    public var isNormalized = false
    /// Whether it counts only where no letter touches it.
    public var isSingleWord = false
    /// Whether it takes the blanks on its left or right along.
    public var (stripsLeft, stripsRight) = (false, false)

    public init(id: Int, content: String) { (self.id, self.content) = (id, content) }
}

/// The added tokens of a vocabulary, and how to find them.
struct AddedTokens: Sendable {
    /// A stretch of text, or a token found in it.
    enum Segment {
        case text(Range<Int>)
        case token(Int)
    }

    private(set) var all: [AddedToken] = []
    private(set) var specialIDs: Set<Int> = []
    private var (raw, normalized) = (TokenFinder(), TokenFinder())

    /// `normalize` is what the text goes through before tokens that want it so are looked for.
    init(_ tokens: [AddedToken] = [], normalize: ([UInt8]) -> [UInt8] = { $0 }) {
        for token in tokens {
            all.append(token)
            if token.isSpecial { specialIDs.insert(token.id) }
            let content = Array(token.content.utf8)
            if content.isEmpty { continue }
            if token.isNormalized {
                normalized.insert(normalize(content), token)
            } else {
                raw.insert(content, token)
            }
        }
    }

    /// Marks that are not looked for in text.
    init(marks: [Int]) { specialIDs = Set(marks) }

    var hasNormalized: Bool { !normalized.isEmpty }
    var hasRaw: Bool { !raw.isEmpty }

    /// The segments of a text as it came, or of normalised text; without `findsSpecial`, marks pass as text.
    func split(_ text: [UInt8], isNormalized: Bool, findsSpecial: Bool) -> [Segment] {
        (isNormalized ? normalized : raw).split(text, findsSpecial)
    }
}

/// Finds tokens in text: the leftmost, the longest of those that begin at the same place.
private struct TokenFinder: Sendable {
    private var table = TokenTable()
    private var tokens: [AddedToken] = []
    /// The lengths of the tokens that begin with a byte, the longest first.
    private var lengths = [[Int]](repeating: [], count: 256)

    var isEmpty: Bool { tokens.isEmpty }

    mutating func insert(_ content: [UInt8], _ token: AddedToken) {
        guard let first = content.first, table.id(of: content) == nil else { return }
        table.insert(content, id: tokens.count)
        tokens.append(token)
        if !lengths[Int(first)].contains(content.count) {
            lengths[Int(first)].append(content.count)
            lengths[Int(first)].sort(by: >)
        }
    }

    func split(_ text: [UInt8], _ findsSpecial: Bool) -> [AddedTokens.Segment] {
        var segments: [AddedTokens.Segment] = []
        var (done, i) = (0, 0)
        let span = text.span
        while i < text.count {
            guard let (length, place) = match(span, i) else {
                i += 1
                continue
            }
            var (start, end) = (i, i + length)
            i = end
            let token = tokens[place]
            if token.isSpecial && !findsSpecial { continue }
            if token.isSingleWord && !standsAlone(span, start, end) { continue }
            if token.stripsLeft { start = max(done, blanks(span, before: start)) }
            if token.stripsRight { end = blanks(span, after: end) }
            if start > done { segments.append(.text(done..<start)) }
            segments.append(.token(token.id))
            done = max(done, end)
        }
        if done < text.count { segments.append(.text(done..<text.count)) }
        return segments
    }

    private func match(_ text: Span<UInt8>, _ i: Int) -> (Int, Int)? {
        for length in lengths[Int(text[i])] where i + length <= text.count {
            if let place = table.id(of: text.extracting(i..<i + length)) { return (length, place) }
        }
        return nil
    }

    private func standsAlone(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        let before = start > 0 ? isWord(text, characterStart(text, before: start)) : false
        return !before && !(end < text.count && isWord(text, end))
    }

    private func isWord(_ text: Span<UInt8>, _ i: Int) -> Bool {
        guard let character = Unicode.Scalar(scalar(text, at: i).value) else { return false }
        return character == "_" || character.properties.isAlphabetic
            || character.properties.generalCategory.isMarkOrDigit
    }

    private func characterStart(_ text: Span<UInt8>, before end: Int) -> Int {
        var i = end - 1
        while i > 0, text[i] & 0xc0 == 0x80 { i -= 1 }
        return i
    }

    private func blanks(_ text: Span<UInt8>, before end: Int) -> Int {
        var i = end
        while i > 0 {
            let start = characterStart(text, before: i)
            guard isBlank(text, start) else { break }
            i = start
        }
        return i
    }

    private func blanks(_ text: Span<UInt8>, after start: Int) -> Int {
        var i = start
        while i < text.count, isBlank(text, i) { i += scalar(text, at: i).length }
        return i
    }

    private func isBlank(_ text: Span<UInt8>, _ i: Int) -> Bool {
        Unicode.Scalar(scalar(text, at: i).value)?.properties.isWhitespace ?? false
    }
}

extension Unicode.GeneralCategory {
    /// What else than letters a word is made of.
    fileprivate var isMarkOrDigit: Bool {
        switch self {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
            true
        default: false
        }
    }
}
