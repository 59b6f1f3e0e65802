/// Words from the longest tokens, from left to right; a word that no tokens make up is unknown as a whole.
struct WordPiece: TokenModel {
    let tokens: TokenTable
    let unknown: Int?
    /// What marks a token that continues a word.
    let prefix: [UInt8]
    /// Words with more characters are unknown.
    let mostCharacters: Int
    /// What is put before every word.
    var begin: [UInt8] = []

    func encode(_ piece: [UInt8], into ids: inout [Int]) {
        let piece = begin.isEmpty ? piece : begin + piece
        let characters = piece.count { $0 & 0xc0 != 0x80 }
        guard characters <= mostCharacters else { return appendUnknown(into: &ids) }
        let before = ids.count
        var start = 0
        while start < piece.count {
            guard let (id, end) = longest(piece, start) else {
                ids.removeLast(ids.count - before)
                return appendUnknown(into: &ids)
            }
            ids.append(id)
            start = end
        }
    }

    private func longest(_ word: [UInt8], _ start: Int) -> (id: Int, end: Int)? {
        let least = start > 0 ? prefix.count : 0
        // No token is longer, so nothing behind matters.
        var end = min(start + tokens.longest, word.count)
        while end < word.count, end > start, word[end] & 0xc0 == 0x80 { end -= 1 }
        let text = start > 0 ? prefix + word[start..<end] : Array(word[..<end])
        var length = text.count
        while length > least {
            if let id = tokens.id(of: text.span.extracting(0..<length)) {
                return (id, start + length - least)
            }
            length -= 1
            while length > least, text[length] & 0xc0 == 0x80 { length -= 1 }
        }
        return nil
    }

    private func appendUnknown(into ids: inout [Int]) {
        if let unknown { ids.append(unknown) }
    }
}

/// Whole words only.
struct WordLevel: TokenModel {
    let tokens: TokenTable
    let unknown: Int?

    func encode(_ piece: [UInt8], into ids: inout [Int]) {
        if let id = tokens.id(of: piece) ?? unknown { ids.append(id) }
    }
}
