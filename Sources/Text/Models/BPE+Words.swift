extension BPE {
    /// Appends the ids of all words of a text, as a scanner splits it.
    func encode(_ text: Span<UInt8>, _ scanner: WordScanner, into ids: inout [Int]) {
        var buffer = MergeBuffer()
        var cache = WordCache(for: text.count)
        var start = 0
        while start < text.count {
            let end = scanner.end(text, from: start)
            let word = text.extracting(start..<end)
            start = end
            if cache.recall(word, into: &ids) { continue }
            let before = ids.count
            encode(word, &buffer, into: &ids)
            cache.keep(ids[before...])
        }
    }
}

extension BPE {
    /// Appends the ids of pieces.
    func encode(_ pieces: [Piece], into ids: inout [Int]) {
        var buffer = MergeBuffer()
        var cache = WordCache(for: pieces.count > 1 ? pieces.count * 8 : 0)
        for piece in pieces where !piece.bytes.isEmpty {
            let word = piece.bytes.span
            if cache.recall(word, into: &ids) { continue }
            let before = ids.count
            encode(word, &buffer, into: &ids)
            cache.keep(ids[before...])
        }
    }
}

/// The ids of words that came before, in flat tables: of two words for the same place the later stays.
struct WordCache {
    private struct Entry {
        /// The word's bytes, its length in the first.
        var word: SIMD16<UInt8>
        var ids: SIMD4<UInt32>
        var count = 0
    }

    private var entries: [Entry]
    /// The place and the word that `recall` looked for last; no place for a word too long to keep.
    private var place = -1
    private var word = SIMD16<UInt8>()

    /// A table for a text of so many bytes; short texts are not worth one.
    init(for size: Int) {
        let empty = Entry(word: SIMD16(), ids: SIMD4())
        entries = size < 4096 ? [] : [Entry](repeating: empty, count: size < 65536 ? 4096 : 16384)
    }

    /// Appends the ids of a word that is known.
    @inline(__always)
    mutating func recall(_ text: Span<UInt8>, into ids: inout [Int]) -> Bool {
        place = -1
        guard !entries.isEmpty, text.count < 16 else { return false }
        word = SIMD16()
        word[0] = UInt8(truncatingIfNeeded: text.count)
        for i in 0..<text.count { word[i + 1] = text[i] }
        let halves = unsafeBitCast(word, to: SIMD2<UInt64>.self)
        let state = mixed(halves[0] ^ mixed(halves[1] ^ 0x9e37_79b9_7f4a_7c15))
        place = Int(truncatingIfNeeded: state) & (entries.count - 1)
        let count = entries[place].count
        guard count > 0, entries[place].word == word else { return false }
        for i in 0..<count { ids.append(Int(entries[place].ids[i])) }
        return true
    }

    /// Keeps the ids of the word that `recall` did not know.
    mutating func keep(_ ids: ArraySlice<Int>) {
        guard place >= 0, !ids.isEmpty, ids.count <= 4 else { return }
        var kept = SIMD4<UInt32>()
        for (i, id) in ids.enumerated() { kept[i] = UInt32(truncatingIfNeeded: id) }
        entries[place] = Entry(word: word, ids: kept, count: ids.count)
    }
}
