import Testing

@testable import Text

/// The scanners by hand against PCRE2, which runs the same patterns as they are written.
@Suite struct ScannerTests {
    /// Characters of every class, and those that patterns treat apart.
    static let alphabet: [String] =
        [
            "a", "B", "z", "1", "2", "9", " ", " ", " ", "\n", "\r", "\t", "'", "'", "s", "t", "re",
            "ll", "LL", "d", "m", ".", ",", "-", "_", "é", "ß", "中", "文", "\u{301}", "\u{a0}",
            "\u{3000}", "\u{2003}", "½", "٣", "Ⅳ", "👍", "🏽", "\u{200d}", "ſ", "\u{85}", "ǅ", "ـ",
            "あ",
            "\u{0}", "$", "€", "<|", "|>",
        ]

    static func text(_ seed: UInt64, _ count: Int) -> String {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return alphabet[Int(state >> 33) % alphabet.count]
        }.joined()
    }

    @Test(arguments: WordScanner.sources.indices)
    func aScannerSplitsAsItsPatternDoes(index: Int) throws {
        let (source, kind) = WordScanner.sources[index]
        let pattern = try Pattern(source, path: "pattern")
        for seed in 0..<400 as Range<UInt64> {
            let text = Array(Self.text(seed, 1 + Int(seed) % 60).utf8)
            let byHand = Splitter.scanner(WordScanner(kind)).stretches(of: text).map(\.range)
            let byPattern = Splitter.pattern(pattern).stretches(of: text).map(\.range)
            #expect(
                byHand == byPattern, "\(String(decoding: text, as: UTF8.self).debugDescription)")
            if byHand != byPattern { return }
        }
    }

    @Test func everyByteBelongsToAWord() {
        let broken: [UInt8] = [0x41, 0xff, 0x20, 0xe4, 0xbd, 0x0a, 0xc3, 0x28, 0xf0, 0x9f]
        for (_, kind) in WordScanner.sources {
            let ranges = Splitter.scanner(WordScanner(kind)).stretches(of: broken).map(\.range)
            #expect(ranges.flatMap { Array($0) } == Array(broken.indices))
        }
    }

    @Test func aRunawayPatternStops() throws {
        let pattern = try Pattern("(a+)+$|(a|aa)+b", path: "pattern")
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 5000) + Array("c".utf8)
        #expect(pattern.matches(in: text).isEmpty)
    }

    /// What becomes of the matches of "-" in "the-final--countdown".
    @Test(arguments: [
        (PreTokenizer.Behavior.removed, ["the", "final", "countdown"]),
        (.isolated, ["the", "-", "final", "-", "-", "countdown"]),
        (.mergedWithPrevious, ["the-", "final-", "-", "countdown"]),
        (.mergedWithNext, ["the", "-final", "-", "-countdown"]),
        (.contiguous, ["the", "-", "final", "--", "countdown"]),
    ])
    func behaviors(behavior: PreTokenizer.Behavior, expected: [String]) {
        let step = PreTokenizer.split(.text([45]), behavior, inverted: false)
        let pieces = step.split([Piece(bytes: Array("the-final--countdown".utf8), isFirst: true)])
        #expect(pieces.map { String(decoding: $0.bytes, as: UTF8.self) } == expected)
        #expect(pieces.map(\.isFirst) == [true] + expected.dropFirst().map { _ in false })
    }
}
