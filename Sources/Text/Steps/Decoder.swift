/// How tokens become text again: a list of byte strings goes through, and what comes out is joined.
indirect enum Decoder: Sendable {
    /// Tokens are joined by blanks: what a file without decoder asks for.
    case spaced
    case byteLevel
    /// <0x41> is the byte 0x41.
    case byteFallback
    case fuse
    /// Without blanks at the ends.
    case trimmed
    case strip(content: [UInt8], start: Int, stop: Int)
    case replace(Replacement)
    /// `replacement` stands for a blank; in the first token it goes where text gets one in front.
    case metaspace(replacement: [UInt8], dropsFirst: Bool)
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
    /// A suffix that ends words becomes a blank.
    case suffix([UInt8])
    case ctc(pad: [UInt8], delimiter: [UInt8], cleansUp: Bool)
    case sequence([Decoder])

    /// The text of tokens, in bytes. Where tokens stand for bytes that make no text, these are U+FFFD or, with
    /// `keepsBytes`, as they are: the rest of a character may come later.
    func text(of tokens: [[UInt8]], keepsBytes: Bool) -> [UInt8] {
        Array(decode(tokens, keepsBytes).joined())
    }

    private func decode(_ tokens: [[UInt8]], _ keepsBytes: Bool) -> [[UInt8]] {
        switch self {
        case .spaced: [Array(tokens.joined(separator: [32]))]
        case .byteLevel: [Array(tokens.map { ByteAlphabet.bytes(of: $0[...]) ?? $0 }.joined())]
        case .byteFallback: Decoder.joinBytes(tokens, keepsBytes)
        case .fuse: [Array(tokens.joined())]
        case .trimmed:
            [Decoder.trimmed(Array(tokens.joined()))]
        case .strip(let content, let start, let stop):
            tokens.map { Decoder.strip($0, content, start, stop) }
        case .replace(let replacement): tokens.map { replacement.apply($0) }
        case .metaspace(let replacement, let dropsFirst):
            tokens.enumerated().map { i, token in
                token.replacing(replacement, with: i == 0 && dropsFirst ? [] : [32])
            }
        case .wordPiece(let prefix, let cleansUp): Decoder.joinWords(tokens, prefix, cleansUp)
        case .suffix(let suffix):
            tokens.enumerated().map { i, token in
                token.replacing(suffix, with: i == tokens.count - 1 ? [] : [32])
            }
        case .ctc(let pad, let delimiter, let cleansUp):
            Decoder.collapse(tokens, pad, delimiter, cleansUp)
        case .sequence(let steps): steps.reduce(tokens) { $1.decode($0, keepsBytes) }
        }
    }

    /// The byte of <0x41>.
    static func byte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else {
            return nil
        }
        let text = String(decoding: token[3..<5], as: UTF8.self)
        return text.hasPrefix("+") ? nil : UInt8(text, radix: 16)
    }

    /// Bytes in a row are one text; broken ones become a U+FFFD each.
    private static func joinBytes(_ tokens: [[UInt8]], _ keepsBytes: Bool) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var bytes: [UInt8] = []
        func flushed() -> [UInt8] {
            keepsBytes || String(validating: bytes, as: UTF8.self) != nil
                ? bytes : Array(String(repeating: "\u{fffd}", count: bytes.count).utf8)
        }
        for token in tokens {
            if let byte = byte(token) {
                bytes.append(byte)
                continue
            }
            if !bytes.isEmpty { result.append(flushed()) }
            bytes = []
            result.append(token)
        }
        if !bytes.isEmpty { result.append(flushed()) }
        return result
    }

    private static func strip(_ token: [UInt8], _ content: [UInt8], _ start: Int, _ stop: Int)
        -> [UInt8]
    {
        guard !content.isEmpty else { return token }
        var rest = token[...]
        var (left, right) = (start, stop)
        while left > 0, rest.starts(with: content) {
            rest = rest.dropFirst(content.count)
            left -= 1
        }
        while right > 0, rest.ends(with: content) {
            rest = rest.dropLast(content.count)
            right -= 1
        }
        return Array(rest)
    }

    /// Without what Python takes for blanks at the ends.
    private static func trimmed(_ text: [UInt8]) -> [UInt8] {
        var scalars = String(decoding: text, as: UTF8.self).unicodeScalars[...]
        let isBlank = { (scalar: Unicode.Scalar?) in
            scalar.map { $0.properties.isWhitespace || (0x1c...0x1f).contains($0.value) } ?? false
        }
        while isBlank(scalars.first) { scalars.removeFirst() }
        while isBlank(scalars.last) { scalars.removeLast() }
        return Array(String(scalars).utf8)
    }

    private static func joinWords(_ tokens: [[UInt8]], _ prefix: [UInt8], _ cleansUp: Bool)
        -> [[UInt8]]
    {
        tokens.enumerated().map { i, token in
            var text = token
            if i > 0 {
                text =
                    token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : [32] + token
            }
            return cleansUp ? cleaned(text) : text
        }
    }

    /// Without the blanks that splitting put before signs and contractions.
    static func cleaned(_ text: [UInt8]) -> [UInt8] {
        let pairs: [(String, String)] = [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
            (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ]
        return pairs.reduce(text) { $0.replacing(Array($1.0.utf8), with: Array($1.1.utf8)) }
    }

    private static func collapse(
        _ tokens: [[UInt8]], _ pad: [UInt8], _ delimiter: [UInt8], _ cleansUp: Bool
    ) -> [[UInt8]] {
        var result: [[UInt8]] = []
        for (i, token) in tokens.enumerated() where i == 0 || token != tokens[i - 1] {
            var text = token.replacing(pad, with: [])
            if cleansUp { text = cleaned(text).replacing(delimiter, with: [32]) }
            if !text.isEmpty { result.append(text) }
        }
        return result
    }
}

extension [UInt8] {
    /// With every occurrence of `part` replaced, from left to right.
    func replacing(_ part: [UInt8], with other: [UInt8]) -> [UInt8] {
        guard let first = part.first, count >= part.count else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var i = 0
        while i < count {
            if self[i] == first, self[i...].starts(with: part) {
                result += other
                i += part.count
            } else {
                result.append(self[i])
                i += 1
            }
        }
        return result
    }
}

extension ArraySlice<UInt8> {
    func ends(with part: [UInt8]) -> Bool {
        count >= part.count && suffix(part.count).elementsEqual(part)
    }
}
