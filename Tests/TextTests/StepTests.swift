import Files
import Testing

@testable import Text

@Suite struct StepTests {
    private func normalized(_ normalizer: Normalizer, _ text: String) -> [UInt8] {
        normalizer.apply(Array(text.utf8))
    }

    @Test(arguments: [
        (Unicode.NormalForm.composed, "e\u{301}ﬁ①", "éﬁ①"), (.decomposed, "éﬁ", "e\u{301}ﬁ"),
        (.compatiblyComposed, "ｅ\u{301}ﬁ①½㍿", "éfi11⁄2株式会社"),
        (.compatiblyDecomposed, "éﬁ한", "e\u{301}fi\u{1112}\u{1161}\u{11ab}"),
        (.compatiblyComposed, "ℌ𝔸𝐀", "HAA"),
    ])
    func normalForms(form: Unicode.NormalForm, text: String, expected: String) {
        #expect(form.apply(Array(text.utf8)) == Array(expected.utf8))
    }

    @Test func normalizersOfFiles() {
        #expect(normalized(.lowercase, "ÀB İ") == Array("àb i\u{307}".utf8))
        #expect(normalized(.stripAccents, "e\u{301}x") == Array("ex".utf8))
        #expect(normalized(.strip(left: true, right: false), "\u{3000} a ") == Array("a ".utf8))
        #expect(normalized(.prepend([95]), "") == [])
        #expect(normalized(.nmt, "a\u{1}b\u{200b}c") == Array("ab c".utf8))
        let bert = Normalizer.bert(
            cleans: true, spacesIdeographs: true, stripsAccents: true, lowercases: true)
        #expect(normalized(bert, "É\u{0}中\tx") == Array("e 中  x".utf8))
    }

    @Test(arguments: [
        (["<0x41>", "b"], false, "Ab"), (["<0xE4>", "<0xBD>", "<0xA0>"], false, "你"),
        (["<0xE4>", "x"], false, "\u{fffd}x"), (["<0xE4>", "<0xBD>"], false, "\u{fffd}\u{fffd}"),
    ])
    func bytesOfTokens(tokens: [String], keeps: Bool, expected: String) {
        let text = Decoder.byteFallback.text(of: tokens.map { Array($0.utf8) }, keepsBytes: keeps)
        #expect(text == Array(expected.utf8))
    }

    @Test func decodersOfFiles() {
        let tokens = { (words: [String]) in words.map { Array($0.utf8) } }
        let word = Decoder.wordPiece(prefix: Array("##".utf8), cleansUp: true)
        #expect(
            word.text(of: tokens(["un", "##do", "!", "do", "n't"]), keepsBytes: false)
                == Array("undo! don't".utf8))
        let ctc = Decoder.ctc(
            pad: Array("<p>".utf8), delimiter: Array("|".utf8), cleansUp: true)
        #expect(
            ctc.text(of: tokens(["h", "h", "<p>", "h", "|", "i"]), keepsBytes: false)
                == Array("hh i".utf8))
        let suffix = Decoder.suffix(Array("</w>".utf8))
        #expect(
            suffix.text(of: tokens(["a</w>", "b", "c</w>"]), keepsBytes: false)
                == Array("a bc".utf8))
        let strip = Decoder.strip(content: [32], start: .max, stop: 1)
        #expect(strip.text(of: tokens(["  a  "]), keepsBytes: false) == Array("a ".utf8))
    }

    /// As the tokenizers library splits them.
    @Test(arguments: [
        ("どこで生れ。Yes", ["どこで生れ", "。", "Yes"]),
        ("Apples are りんご 林檎", ["Apples are ", "りんご 林檎"]),
        ("  a, b", ["a", ", ", "b"]), ("ラーメン!", ["ラーメン", "!"]), (" ", [] as [String]),
    ])
    func scriptsSplit(text: String, expected: [String]) throws {
        let type = JSON.Member(key: "type", value: .string("UnicodeScripts"))
        let field = JSONField(.object([type]), path: "test")
        let step = try TokenizerJSON.preTokenizer(field, mapsBytes: false)
        let pieces = step.split([Piece(bytes: Array(text.utf8), isFirst: true)])
        #expect(pieces.map { String(decoding: $0.bytes, as: UTF8.self) } == expected)
    }

    @Test func addedTokensTakeTheirBlanks() {
        var mask = AddedToken(id: 7, content: "[M]")
        (mask.stripsLeft, mask.stripsRight) = (true, true)
        var word = AddedToken(id: 8, content: "at")
        (word.isSingleWord, word.isSpecial) = (true, false)
        let added = AddedTokens([mask, word])
        let text = Array("x  [M] at cat [M]".utf8)
        let found = added.split(text, isNormalized: false, findsSpecial: true).map { segment in
            switch segment {
            case .text(let range): String(decoding: text[range], as: UTF8.self)
            case .token(let id): "\(id)"
            }
        }
        #expect(found == ["x", "7", "8", " cat", "7"])
        let plain = added.split(text, isNormalized: false, findsSpecial: false)
        #expect(plain.count { if case .token = $0 { true } else { false } } == 1)
    }

    @Test func base64() {
        #expect(Base64.decode(Array("aGVsbG8=".utf8)) == Array("hello".utf8))
        #expect(Base64.decode(Array("aGk=".utf8)) == Array("hi".utf8))
        for bad in ["a", "a===", "====", "aG=k", "a b=", "aGVsbG8"] {
            #expect(Base64.decode(Array(bad.utf8)) == nil)
        }
    }

    /// Merging with a queue gives what searching for the best pair gives.
    @Test func longWordsMergeAsShortOnes() throws {
        var trainer = TokenizerTrainer(.bpe, size: 300)
        trainer.add(Array(TrainingTests.verse.utf8))
        let tokenizer = try trainer.tokenizer()
        guard let model = tokenizer.model as? BPE else { return }
        let word = Array("thewavesandthesea".utf8)
        var (short, long): ([Int], [Int]) = ([], [])
        model.encode(word, into: &short)
        // The word three times between line ends, which merge with nothing.
        let row = word + [10] + word + [10] + word
        model.encode(row, into: &long)
        #expect(row.count > 40)
        #expect(long.filter { $0 == short[0] }.count >= 3)
        let newline = tokenizer.encode("\n", addsMarks: false)
        #expect(long == short + newline + short + newline + short)
    }
}
