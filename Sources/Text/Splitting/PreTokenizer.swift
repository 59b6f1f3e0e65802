/// A piece of text on its way to the model.
struct Piece: Sendable, Equatable {
    var bytes: [UInt8]
    /// Whether it stands at the very beginning of the text.
    var isFirst: Bool
}

/// A step that splits text into pieces, none of which a token may reach beyond.
indirect enum PreTokenizer: Sendable {
    /// What becomes of the matches of a splitting pattern.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// When a Metaspace step puts its sign in front.
    enum Prefix: String, Sendable {
        case always, first, never
    }

    /// Words of GPT-2's pattern or whole pieces, with the printable stand-ins of bytes if the model wants them.
    case byteLevel(prefixesSpace: Bool, usesPattern: Bool, mapsBytes: Bool)
    case split(Splitter, Behavior, inverted: Bool)
    case metaspace(sign: [UInt8], Prefix, splits: Bool)
    case sequence([PreTokenizer])

    func split(_ pieces: [Piece]) -> [Piece] {
        switch self {
        case .byteLevel(let prefixes, let usesPattern, let mapsBytes):
            pieces.flatMap { piece in
                let piece = prefixes ? prefixed(piece, with: [32]) : piece
                let parts =
                    usesPattern
                    ? parts(of: piece, by: .scanner(WordScanner(.gpt2)), .isolated, false) : [piece]
                return mapsBytes ? parts.map(mapped) : parts
            }
        case .split(let splitter, let behavior, let inverted):
            pieces.flatMap { parts(of: $0, by: splitter, behavior, inverted) }
        case .metaspace(let sign, let prefix, let splits):
            pieces.flatMap { metaspace($0, sign, prefix, splits) }
        case .sequence(let steps): steps.reduce(pieces) { $1.split($0) }
        }
    }

    private func prefixed(_ piece: Piece, with sign: [UInt8]) -> Piece {
        if piece.bytes.isEmpty || piece.bytes.starts(with: sign) { return piece }
        return Piece(bytes: sign + piece.bytes, isFirst: piece.isFirst)
    }

    private func mapped(_ piece: Piece) -> Piece {
        Piece(bytes: Array(ByteAlphabet.text(of: piece.bytes).utf8), isFirst: piece.isFirst)
    }

    private func metaspace(_ piece: Piece, _ sign: [UInt8], _ prefix: Prefix, _ splits: Bool)
        -> [Piece]
    {
        var piece = Piece(bytes: piece.bytes.replacing([32], with: sign), isFirst: piece.isFirst)
        if prefix == .always || (prefix == .first && piece.isFirst) {
            piece = prefixed(piece, with: sign)
        }
        return splits ? parts(of: piece, by: .text(sign), .mergedWithNext, false) : [piece]
    }

    private func parts(
        of piece: Piece, by splitter: Splitter, _ behavior: Behavior, _ inverted: Bool
    ) -> [Piece] {
        let stretches = splitter.stretches(of: piece.bytes).map {
            Stretch(range: $0.range, isMatch: $0.isMatch != inverted)
        }
        return PreTokenizer.joined(stretches, behavior).map {
            Piece(bytes: Array(piece.bytes[$0]), isFirst: piece.isFirst && $0.lowerBound == 0)
        }
    }

    /// The ranges that stay pieces.
    private static func joined(_ stretches: [Stretch], _ behavior: Behavior) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        // Whether the last range may grow.
        var isOpen = false
        for (i, stretch) in stretches.enumerated() where !stretch.range.isEmpty {
            let joins: Bool
            switch behavior {
            case .removed:
                if stretch.isMatch { continue }
                joins = false
            case .isolated: joins = false
            case .mergedWithPrevious: joins = isOpen && stretch.isMatch
            case .mergedWithNext: joins = isOpen && !stretch.isMatch
            case .contiguous: joins = i > 0 && stretches[i - 1].isMatch == stretch.isMatch
            }
            if joins, let last = ranges.popLast() {
                ranges.append(last.lowerBound..<stretch.range.upperBound)
            } else {
                ranges.append(stretch.range)
            }
            isOpen = stretch.isMatch == (behavior == .mergedWithNext)
        }
        return ranges
    }
}

/// A stretch of text between or in the matches of a splitter.
struct Stretch {
    let range: Range<Int>
    let isMatch: Bool
}

/// What finds the places where text splits.
enum Splitter: Sendable {
    case text([UInt8])
    case pattern(Pattern)
    /// A well-known pattern by hand: every word is a match.
    case scanner(WordScanner)
    /// Each character that is so.
    case characters(@Sendable (Unicode.Scalar) -> Bool)
    /// Runs of characters that are of one kind; kind 0 is no match.
    case runs(@Sendable (Unicode.Scalar) -> Int)

    /// The whole text as matches and what lies between them.
    func stretches(of text: [UInt8]) -> [Stretch] {
        var stretches: [Stretch] = []
        var done = 0
        for match in matches(in: text) {
            if match.lowerBound > done {
                stretches.append(Stretch(range: done..<match.lowerBound, isMatch: false))
            }
            stretches.append(Stretch(range: match, isMatch: true))
            done = match.upperBound
        }
        if done < text.count {
            stretches.append(Stretch(range: done..<text.count, isMatch: false))
        }
        return stretches
    }

    private func matches(in text: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var i = 0
        switch self {
        case .pattern(let pattern): return pattern.matches(in: text)
        case .text(let part):
            guard !part.isEmpty else { return [] }
            while i + part.count <= text.count {
                if text[i...].starts(with: part) {
                    found.append(i..<i + part.count)
                    i += part.count
                } else {
                    i += 1
                }
            }
        case .scanner(let scanner):
            while i < text.count {
                let end = scanner.end(text.span, from: i)
                found.append(i..<end)
                i = end
            }
        case .characters(let isMatch):
            while i < text.count {
                let (value, length) = scalar(text.span, at: i)
                if let character = Unicode.Scalar(value), isMatch(character) {
                    found.append(i..<i + length)
                }
                i += length
            }
        case .runs(let kind): return runs(in: text, kind)
        }
        return found
    }

    private func runs(in text: [UInt8], _ kind: (Unicode.Scalar) -> Int) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var last = 0
        var i = 0
        while i < text.count {
            let (value, length) = scalar(text.span, at: i)
            let now = Unicode.Scalar(value).map(kind) ?? 0
            if now != 0 {
                if now == last, let run = found.popLast() {
                    found.append(run.lowerBound..<i + length)
                } else {
                    found.append(i..<i + length)
                }
            }
            last = now
            i += length
        }
        return found
    }
}
