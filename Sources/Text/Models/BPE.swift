/// Byte-pair encoding: a word begins as bytes or characters, and the neighbours that merge earliest merge first.
struct BPE: TokenModel {
    /// What a word begins as.
    enum Alphabet: Sendable {
        /// The symbol of each byte; `absent` where the vocabulary has none.
        case bytes([UInt32])
        case characters
    }

    /// Tokens as the bytes of text that they stand for (of bytes), or as they are written (of characters).
    var tokens: TokenTable
    var merges: PairTable
    var alphabet: Alphabet
    /// The token of characters that the vocabulary does not have; without one they are dropped.
    var unknown: Int?
    /// Whether unknown characters in a row are one token.
    var fusesUnknown = false
    /// The tokens <0x00> … <0xFF>, where they stand for unknown characters.
    var fallback: [UInt32]?
    /// What marks a piece that continues a word, and one that ends it.
    var continuingPrefix: [UInt8] = []
    var endSuffix: [UInt8] = []
    /// Whether a word that is a token needs no merges.
    var ignoresMerges = false

    /// Whether no token goes on behind a ▁ that follows something else: words may be merged one by one then.
    var splitsAtBlanks = false

    static let absent = UInt32.max

    func encode(_ piece: [UInt8], into ids: inout [Int]) {
        var buffer = MergeBuffer()
        guard splitsAtBlanks, piece.count > 64 else {
            return encode(piece.span, &buffer, into: &ids)
        }
        var cache = WordCache(for: piece.count)
        var start = 0
        while start < piece.count {
            let end = BlankSign.end(piece.span, from: start)
            let word = piece.span.extracting(start..<end)
            start = end
            if cache.recall(word, into: &ids) { continue }
            let before = ids.count
            encode(word, &buffer, into: &ids)
            cache.keep(ids[before...])
        }
    }

    /// The same with a buffer that serves many words.
    func encode(_ word: Span<UInt8>, _ buffer: inout MergeBuffer, into ids: inout [Int]) {
        if ignoresMerges, let id = tokens.id(of: word) {
            ids.append(id)
            return
        }
        buffer.clear()
        switch alphabet {
        case .bytes(let symbols): begin(word, symbols, &buffer)
        case .characters: begin(word, &buffer)
        }
        buffer.merge(by: merges)
        for symbol in buffer.symbols { ids.append(Int(symbol)) }
    }

    private func begin(_ word: Span<UInt8>, _ symbols: [UInt32], _ buffer: inout MergeBuffer) {
        for i in 0..<word.count {
            let symbol = symbols[Int(word[i])]
            if symbol != BPE.absent {
                buffer.append(symbol)
            } else if let unknown {
                buffer.append(UInt32(unknown))
            }
        }
    }

    private func begin(_ word: Span<UInt8>, _ buffer: inout MergeBuffer) {
        var i = 0
        var follows = false
        while i < word.count {
            let end = min(i + characterLength(word[i]), word.count)
            let character = word.extracting(i..<end)
            let id = id(of: character, isFirst: i == 0, isLast: end == word.count)
            if let id { buffer.append(UInt32(id)) }
            if id == nil {
                follows = appendUnknown(character, follows, &buffer)
            } else {
                follows = false
            }
            i = end
        }
    }

    private func id(of character: Span<UInt8>, isFirst: Bool, isLast: Bool) -> Int? {
        let prefix = isFirst ? [] : continuingPrefix
        let suffix = isLast ? endSuffix : []
        if prefix.isEmpty && suffix.isEmpty { return tokens.id(of: character) }
        return tokens.id(of: prefix + character.bytes.map { $0 } + suffix)
    }

    /// Whether the unknown token stands at the end now.
    private func appendUnknown(
        _ character: Span<UInt8>, _ follows: Bool, _ buffer: inout MergeBuffer
    ) -> Bool {
        if let fallback {
            let symbols = character.bytes.map { fallback[Int($0)] }
            if !symbols.contains(BPE.absent) {
                for symbol in symbols { buffer.append(symbol) }
                return false
            }
        }
        guard let unknown else { return follows }
        if !(follows && fusesUnknown) { buffer.append(UInt32(unknown)) }
        return true
    }
}

extension RawSpan {
    /// One value for each byte.
    func map<T>(_ transform: (UInt8) -> T) -> [T] {
        var result: [T] = []
        result.reserveCapacity(byteCount)
        for i in 0..<byteCount {
            result.append(transform(unsafeLoad(fromByteOffset: i, as: UInt8.self)))
        }
        return result
    }
}
