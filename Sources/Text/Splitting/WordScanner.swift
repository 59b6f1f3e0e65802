/// Splits text into words as the well-known patterns do, by hand: each call gives the end of the word that begins at a
/// place. Every byte belongs to a word.
struct WordScanner: Sendable {
    /// The patterns known by hand.
    enum Pattern: Sendable, Equatable {
        /// GPT-2's: contractions, and letters, digits or signs with a space before them.
        case gpt2
        /// Llama 3's and Qwen 2's: any sign before letters, digits in groups, line ends with the signs before them.
        case grouped(digits: Int)
        /// cl100k's: as `grouped(digits: 3)`, but blanks at the end of the text stay together.
        case cl100k
    }

    let pattern: Pattern
    private let table = CharacterClass.table

    init(_ pattern: Pattern) { self.pattern = pattern }

    private static let (letter, number) = (
        CharacterClass.letter.rawValue, CharacterClass.number.rawValue
    )
    private static let (space, newline) = (
        CharacterClass.space.rawValue, CharacterClass.newline.rawValue
    )
    private static let other = CharacterClass.other.rawValue

    /// The end of the word that begins at `start`, which is before the end of the text.
    @inline(__always)
    func end(_ text: Span<UInt8>, from start: Int) -> Int {
        switch pattern {
        case .gpt2: endOfGPT2(text, start)
        case .grouped(let digits): endOfGrouped(text, start, digits, keepsLastBlanks: false)
        case .cl100k: endOfGrouped(text, start, 3, keepsLastBlanks: true)
        }
    }

    @inline(__always)
    private func character(_ text: Span<UInt8>, _ i: Int) -> (kind: UInt8, length: Int) {
        let (value, length) = scalar(text, at: i)
        return (CharacterClass.of(value, table), length)
    }

    /// The end of a run of one class.
    @inline(__always)
    private func run(_ text: Span<UInt8>, _ start: Int, of kind: UInt8) -> Int {
        var i = start
        while i < text.count {
            let next = character(text, i)
            guard next.kind == kind else { break }
            i += next.length
        }
        return i
    }

    // MARK: GPT-2

    private func endOfGPT2(_ text: Span<UInt8>, _ start: Int) -> Int {
        if text[start] == UInt8(ascii: "'") {
            let length = contraction(text, start, anyCase: false)
            if length > 0 { return start + length }
        }
        var i = start
        var first = character(text, i)
        if text[i] == 32, i + 1 < text.count {
            let next = character(text, i + 1)
            if next.kind != WordScanner.space && next.kind != WordScanner.newline {
                i += 1
                first = next
            }
        }
        switch first.kind {
        case WordScanner.space, WordScanner.newline: return endOfBlanks(text, start).end
        default: return run(text, i + first.length, of: first.kind)
        }
    }

    /// Where blanks end that leave the last of them to the word behind; where they really end; and behind their last
    /// line end.
    @inline(__always)
    private func endOfBlanks(_ text: Span<UInt8>, _ start: Int) -> (end: Int, all: Int, line: Int) {
        var (i, last, line) = (start, start, start)
        while i < text.count {
            let next = character(text, i)
            guard next.kind == WordScanner.space || next.kind == WordScanner.newline else { break }
            last = i
            i += next.length
            if next.kind == WordScanner.newline { line = i }
        }
        return (i == text.count || last == start ? i : last, i, line)
    }

    /// The length of 's, 't, 're, 've, 'm, 'll or 'd here, or 0. U+017F is an s in any case.
    @inline(__always)
    private func contraction(_ text: Span<UInt8>, _ start: Int, anyCase: Bool) -> Int {
        guard start + 1 < text.count else { return 0 }
        let fold: UInt8 = anyCase ? 0x20 : 0
        let first = text[start + 1] | fold
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
        case _ where start + 2 >= text.count: return 0
        default: break
        }
        let second = text[start + 2] | fold
        switch first {
        case UInt8(ascii: "r") where second == UInt8(ascii: "e"),
            UInt8(ascii: "v") where second == UInt8(ascii: "e"),
            UInt8(ascii: "l") where second == UInt8(ascii: "l"):
            return 3
        case _ where anyCase && text[start + 1] == 0xc5 && text[start + 2] == 0xbf: return 3
        default: return 0
        }
    }

    // MARK: Llama 3, Qwen 2, cl100k

    private func endOfGrouped(
        _ text: Span<UInt8>, _ start: Int, _ digits: Int, keepsLastBlanks: Bool
    ) -> Int {
        if text[start] == UInt8(ascii: "'") {
            let length = contraction(text, start, anyCase: true)
            if length > 0 { return start + length }
        }
        let first = character(text, start)
        let second = start + first.length
        if first.kind == WordScanner.letter { return run(text, second, of: WordScanner.letter) }
        if first.kind == WordScanner.number { return endOfDigits(text, second, digits - 1) }
        if first.kind != WordScanner.newline, second < text.count {
            let next = character(text, second)
            if next.kind == WordScanner.letter {
                return run(text, second + next.length, of: WordScanner.letter)
            }
            if text[start] == 32 && next.kind == WordScanner.other {
                return endOfSigns(text, second + next.length)
            }
        }
        if first.kind == WordScanner.other { return endOfSigns(text, second) }
        let blanks = endOfBlanks(text, start)
        if keepsLastBlanks && blanks.all == text.count { return blanks.all }
        return blanks.line > start ? blanks.line : blanks.end
    }

    @inline(__always)
    private func endOfDigits(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> Int {
        var (i, left) = (start, count)
        while i < text.count, left > 0 {
            let next = character(text, i)
            guard next.kind == WordScanner.number else { break }
            i += next.length
            left -= 1
        }
        return i
    }

    /// Signs, and the line ends right behind them.
    @inline(__always)
    private func endOfSigns(_ text: Span<UInt8>, _ start: Int) -> Int {
        run(text, run(text, start, of: WordScanner.other), of: WordScanner.newline)
    }
}
