/// How SentencePiece changes text: characters by a map, blanks to a sign, one more in front.
struct SentencePieceNormalizer: Sendable {
    var map: CharacterMap?
    /// Texts that pass as they are.
    var symbols = ByteTrie()
    var addsBlank = true
    /// Whether blanks at the ends, and all but one of several, are left out.
    var removesBlanks = true
    var escapesBlanks = true
    /// Whether the added blank goes to the end.
    var isSuffix = false

    func apply(_ text: [UInt8]) -> [UInt8] {
        let blank = escapesBlanks ? Tokenizer.blankSign : [32]
        var rest = text[...]
        while removesBlanks, !rest.isEmpty {
            let (part, length) = next(rest)
            guard part.elementsEqual([32]) else { break }
            rest = rest.dropFirst(length)
        }
        guard !rest.isEmpty else { return [] }
        var result: [UInt8] = []
        result.reserveCapacity(rest.count * 5 / 4)
        if addsBlank && !isSuffix { result += blank }
        var followsBlank = removesBlanks
        while !rest.isEmpty {
            var (part, length) = next(rest)
            rest = rest.dropFirst(length)
            if followsBlank { part = part.drop { $0 == 32 } }
            for byte in part {
                if byte == 32 { result += blank } else { result.append(byte) }
            }
            if let last = part.last { followsBlank = last == 32 }
            if !removesBlanks { followsBlank = false }
        }
        while removesBlanks, result[...].ends(with: blank) { result.removeLast(blank.count) }
        if addsBlank && isSuffix { result += blank }
        return result
    }

    /// What the beginning of a text becomes, and how many bytes that uses up.
    private func next(_ text: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, Int) {
        if !symbols.isEmpty, let (length, _) = symbols.longest(text.span, at: 0) {
            return (text.prefix(length), length)
        }
        if let (length, replacement) = map?.longest(text) { return (replacement, length) }
        let length = min(characterLength(text[text.startIndex]), text.count)
        return (text.prefix(length), length)
    }
}
