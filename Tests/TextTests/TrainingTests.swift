import Files
import Testing

@testable import Text

@Suite struct TrainingTests {
    static let verse = """
        The sun was warm, the sea was calm, and they'd no wish to go.
        They sat and watched the waves: one, two, three, 10, 200, 3000.

        """

    private func trained(_ kind: TokenizerTrainer.Kind, _ text: String, size: Int?) throws
        -> Tokenizer
    {
        var trainer = TokenizerTrainer(kind, size: size)
        trainer.add(Array(text.utf8))
        return try trainer.tokenizer()
    }

    @Test func theMostFrequentPairMergesFirst() throws {
        let json = {
            var trainer = TokenizerTrainer(.bpe, size: 260)
            trainer.add(Array("aab aab aab ab".utf8))
            return trainer.json()
        }()
        let merges = json["model"]?["merges"]?.array
        #expect(merges?.first == .array([.string("a"), .string("b")]))
        #expect(merges?.dropFirst().first == .array([.string("a"), .string("ab")]))
        #expect(json.text == json.text)
    }

    @Test func trainingIsDeterministic() throws {
        let texts = (0..<2).map { _ in
            var trainer = TokenizerTrainer(.bpe, size: 320)
            trainer.add(Array(Self.verse.utf8))
            return trainer.json().text
        }
        #expect(texts[0] == texts[1])
    }

    /// Counting pairs anew after every merge gives the same merges.
    @Test(arguments: [
        Self.verse, "aaaaaa aaaa aaa aa", "abcabcabc bcabca ababab", "xyxyxyxx yxyxyy",
    ])
    func mergesAreThoseOfTheDefinition(text: String) throws {
        var words: [[Int32]] = []
        for word in text.split(separator: " ") { words.append(word.utf8.map { Int32($0) }) }
        let counts = words.indices.map { $0 % 3 + 1 }
        var trainer = MergeTrainer(words: words, counts: counts)
        for step in 0..<40 {
            let expected = Self.best(words, counts)
            let pair = trainer.best()
            #expect(pair == expected)
            guard let pair else { return }
            let symbol = Int32(256 + step)
            trainer.merge(pair, into: symbol)
            words = words.map { Self.merged($0, pair, symbol) }
        }
    }

    private static func best(_ words: [[Int32]], _ counts: [Int]) -> MergeTrainer.Pair? {
        var found: [MergeTrainer.Pair: Int] = [:]
        for (word, count) in zip(words, counts) {
            for (a, b) in zip(word, word.dropFirst()) {
                found[.init(left: a, right: b), default: 0] += count
            }
        }
        let best = found.min { ($1.value, $0.key) < ($0.value, $1.key) }
        return best.flatMap { $0.value >= 2 ? $0.key : nil }
    }

    private static func merged(_ word: [Int32], _ pair: MergeTrainer.Pair, _ symbol: Int32)
        -> [Int32]
    {
        var (result, i): ([Int32], Int) = ([], 0)
        while i < word.count {
            let isPair = i + 1 < word.count && word[i] == pair.left && word[i + 1] == pair.right
            result.append(isPair ? symbol : word[i])
            i += isPair ? 2 : 1
        }
        return result
    }

    @Test func anyTextGoesThroughBytePairs() throws {
        let tokenizer = try trained(.bpe, Self.verse, size: 400)
        #expect(tokenizer.count > 257 && tokenizer.count <= 400)
        for text in [Self.verse, "", "grüße, 世界 👍🏽", "\u{0}\u{7f}\r\n\t"] {
            #expect(Array(tokenizer.decode(tokenizer.encode(text)).utf8) == Array(text.utf8))
        }
        let broken: [UInt8] = [0x41, 0xff, 0xe4, 0xbd]
        #expect(tokenizer.decodeBytes(tokenizer.encode(utf8: broken)) == broken)
    }

    @Test func marksAreTokensOfTheirOwn() throws {
        let tokenizer = try trained(.bpe, Self.verse, size: 300)
        #expect(tokenizer.encode("a<|endoftext|>b").contains(0))
        #expect(!tokenizer.encode("a<|endoftext|>b", findsSpecial: false).contains(0))
        let ids = tokenizer.encode("a<|endoftext|>b")
        #expect(tokenizer.decode(ids, keepsMarks: false) == "ab")
    }

    @Test func charactersAreSortedAndAllThere() throws {
        let tokenizer = try trained(.char, "banana\n", size: nil)
        #expect(tokenizer.count == 5)
        #expect((1..<5).map { tokenizer.token($0) ?? "" } == ["\n", "a", "b", "n"])
        #expect(tokenizer.encode("nab\n") == [4, 2, 3, 1])
        #expect(tokenizer.encode("xa") == [2])
        #expect(tokenizer.decode([3, 2, 4]) == "ban")
    }

    @Test func theRarestCharactersBecomeUnknown() throws {
        let tokenizer = try trained(.char, "aaabbbcd", size: 4)
        #expect(tokenizer.count == 4)
        #expect(tokenizer.encode("abc") == [2, 3, 1])
    }

    @Test func aStreamGivesWholeCharacters() throws {
        let tokenizer = try trained(.bpe, "plain", size: 260)
        let text = "zoë 世界 👍🏽!" + String(repeating: " ü", count: 40)
        var stream = TokenStream(tokenizer)
        var parts: [String] = []
        for id in tokenizer.encode(text) { parts.append(stream.next(id)) }
        #expect(parts.joined() + stream.finish() == text)
        #expect(!parts.joined().contains("\u{fffd}"))
        _ = stream.next(tokenizer.encode("é")[0])
        #expect(stream.finish() == "\u{fffd}")
    }
}
