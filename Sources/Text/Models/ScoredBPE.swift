/// Byte-pair encoding as SentencePiece does it: neighbours whose concatenation is a token merge, the highest score first.
struct ScoredBPE: TokenModel {
    /// Tokens, and the characters in them that are no tokens themselves: these have ids from `firstLone` on.
    private var symbols: TokenTable
    private let merges: PairTable
    private let firstLone: Int
    private let unknown: Int?
    /// The tokens <0x00> … <0xFF>, where they stand for unknown characters.
    private let fallback: [UInt32]?
    /// Texts that are tokens wherever they stand, and merge with nothing.
    private var frozen = ByteTrie()
    /// Tokens that are only steps to longer ones, and what they fall apart into.
    private var parts: [Int: (left: Int, right: Int)] = [:]
    /// Unknown characters in a row are one token.
    var fusesUnknown = true

    /// Whether words may be merged one by one.
    private var splitsAtBlanks = false

    struct Token {
        let text: [UInt8]
        let id: Int
        let score: Double
        var isFrozen = false
        var isUnused = false
    }

    private static let frozenBit: UInt32 = 1 << 30

    init(_ tokens: [Token], count: Int, unknown: Int?, fallback: [UInt32]?) {
        (self.unknown, self.fallback) = (unknown, fallback)
        firstLone = count
        var symbols = TokenTable(capacity: tokens.count)
        for token in tokens where !token.text.isEmpty { symbols.insert(token.text, id: token.id) }
        var next = count
        for token in tokens {
            var i = 0
            while i < token.text.count {
                let end = min(i + characterLength(token.text[i]), token.text.count)
                let character = Array(token.text[i..<end])
                if symbols.id(of: character) == nil {
                    symbols.insert(character, id: next)
                    next += 1
                }
                i = end
            }
        }
        // Equal scores are equal ranks: the leftmost merges first.
        let scores = Set(tokens.map(\.score)).sorted(by: >)
        let ranks = Dictionary(uniqueKeysWithValues: scores.enumerated().map { ($1, $0) })
        merges = PairTable(splitting: tokens.map { ($0.text, $0.id, ranks[$0.score] ?? 0) }) {
            symbols.id(of: $0)
        }
        self.symbols = symbols
        splitsAtBlanks = BlankSign.separates(symbols)
        for token in tokens where token.isFrozen { frozen.insert(token.text, value: token.id) }
        for token in tokens where token.isUnused { parts[token.id] = halves(token.text) }
    }

    private func halves(_ text: [UInt8]) -> (Int, Int)? {
        for cut in stride(from: text.count - 1, to: 0, by: -1) {
            if let left = symbols.id(of: Array(text[..<cut])),
                let right = symbols.id(of: Array(text[cut...]))
            {
                return (left, right)
            }
        }
        return nil
    }

    func encode(_ piece: [UInt8], into ids: inout [Int]) {
        var buffer = MergeBuffer()
        var follows = false
        guard splitsAtBlanks, piece.count > 64 else {
            return encode(piece.span, &buffer, &follows, into: &ids)
        }
        var cache = WordCache(for: piece.count)
        var start = 0
        while start < piece.count {
            let end = BlankSign.end(piece.span, from: start)
            let word = piece.span.extracting(start..<end)
            start = end
            if cache.recall(word, into: &ids) {
                follows = ids.last == unknown
                continue
            }
            let before = ids.count
            encode(word, &buffer, &follows, into: &ids)
            cache.keep(ids[before...])
        }
    }

    private func encode(
        _ span: Span<UInt8>, _ buffer: inout MergeBuffer, _ follows: inout Bool,
        into ids: inout [Int]
    ) {
        buffer.clear()
        // Characters that are in no token; where they stand is worked out from the lengths of the others.
        let stranger = UInt32.max - 1
        var i = 0
        while i < span.count {
            if !frozen.isEmpty, let (length, id) = frozen.longest(span, at: i) {
                buffer.append(UInt32(id) | ScoredBPE.frozenBit)
                i += length
                continue
            }
            let end = min(i + characterLength(span[i]), span.count)
            let symbol = symbols.id(of: span.extracting(i..<end))
            buffer.append(symbol.map { UInt32($0) } ?? stranger)
            i = end
        }
        buffer.merge(by: merges)
        var place = 0
        for symbol in buffer.symbols {
            if symbol == stranger {
                let end = min(place + characterLength(span[place]), span.count)
                let character = span.extracting(place..<end).bytes.map { $0 }
                follows = appendUnknown(character[...], follows, into: &ids)
                place = end
            } else {
                let id = Int(symbol & ~ScoredBPE.frozenBit)
                follows = append(id, follows, into: &ids)
                place += symbols[id]?.count ?? 0
            }
        }
    }

    /// Appends a symbol, or what it falls apart into. Whether the unknown token stands at the end now.
    private func append(_ id: Int, _ follows: Bool, into ids: inout [Int]) -> Bool {
        if let (left, right) = parts[id] {
            return append(right, append(left, follows, into: &ids), into: &ids)
        }
        if id >= firstLone { return appendUnknown(symbols[id] ?? [], follows, into: &ids) }
        ids.append(id)
        return false
    }

    private func appendUnknown(_ text: ArraySlice<UInt8>, _ follows: Bool, into ids: inout [Int])
        -> Bool
    {
        if let fallback {
            let bytes = text.map { fallback[Int($0)] }
            if !bytes.contains(BPE.absent) {
                ids += bytes.map { Int($0) }
                return false
            }
        }
        if let unknown, !(follows && fusesUnknown) { ids.append(unknown) }
        return true
    }
}
