/// ▁, which stands for a blank.
enum BlankSign {
    private static func stands(_ text: Span<UInt8>, at i: Int) -> Bool {
        i >= 0 && i + 3 <= text.count && text[i] == 0xe2 && text[i + 1] == 0x96
            && text[i + 2] == 0x81
    }

    /// The end of a word: the next sign that follows something else.
    static func end(_ text: Span<UInt8>, from start: Int) -> Int {
        var i = start + 1
        while i < text.count {
            if text[i] == 0xe2, stands(text, at: i), !stands(text, at: i - 3) { return i }
            i += 1
        }
        return text.count
    }

    /// Whether words are apart in a vocabulary: the sign is a token, and in none does it follow something else.
    static func separates(_ tokens: TokenTable) -> Bool {
        guard tokens.id(of: Tokenizer.blankSign) != nil else { return false }
        return (0..<tokens.count).allSatisfy { id in
            guard let token = tokens[id], token.count > 3 else { return true }
            return end(token.span, from: 0) == token.count
        }
    }
}
