import Files
import Glibc
import Support
import Testing
import Text

/// Vocabularies as entries of a GGUF file and back: the ids stay.
@Suite struct GGUFVocabularyTests {
    private static let fixtures =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/Fixtures/tokenizers"

    private static let text = "Hello, world! It's 12345 o'clock;  naïve\n\n\tПривет 你好 🙂 <s>"

    private static func metadata(_ folder: String) throws -> GGUFMetadata {
        var metadata = GGUFMetadata()
        let written = try GGUFVocabularyWriting(
            folder: folder, size: 0, bos: nil, eos: nil, padding: nil)
        for (key, value) in written.entries { metadata[key] = value }
        return metadata
    }

    @Test func trainedBytePairsSurvive() throws {
        let folder = "/tmp/apus-test-\(getpid())-vocabulary"
        mkdir(folder, 0o755)
        defer {
            unlink("\(folder)/tokenizer.json")
            rmdir(folder)
        }
        var trainer = TokenizerTrainer(.bpe, size: 400, marks: ["<|endoftext|>"])
        trainer.add(Array("the cat and the hat and the bat that sat on the mat. ".utf8))
        try writeFile("\(folder)/tokenizer.json", [Array(trainer.json { _, _ in }.text.utf8)])
        let own = try Tokenizer(path: folder)
        let metadata = try Self.metadata(folder)
        #expect(metadata["tokenizer.ggml.pre"]?.string == "gpt-2")
        let written = try Tokenizer(gguf: metadata, path: "test")
        let back = try Tokenizer(json: Tokenizer.json(gguf: metadata, path: "test"), path: "test")
        for text in [Self.text, "the cat<|endoftext|>"] {
            #expect(written.encode(text) == own.encode(text))
            #expect(back.encode(text) == own.encode(text))
            #expect(back.decode(back.encode(text)) == own.decode(own.encode(text)))
        }
    }

    @Test func sentencePiecesWithScoresBecomeMerges() throws {
        let pieces =
            ["<unk>", "<s>", "</s>"]
            + (0..<256).map { byte in
                let digits = String(byte, radix: 16, uppercase: true)
                return "<0x\(digits.count < 2 ? "0" : "")\(digits)>"
            } + ["▁", "a", "b", "c", "ab", "▁a", "▁ab", "bc", "abc", "▁abc"]
        var metadata = GGUFMetadata()
        metadata["tokenizer.ggml.model"] = .text("llama")
        metadata["tokenizer.ggml.tokens"] = .texts(pieces)
        let scores = pieces.indices.map { $0 < 259 ? 0 : Float(259 - $0) }
        metadata["tokenizer.ggml.scores"] = .floats(scores)
        let kinds = pieces.indices.map { Int32($0 == 0 ? 2 : $0 < 3 ? 3 : $0 < 259 ? 6 : 1) }
        metadata["tokenizer.ggml.token_type"] = .integers(kinds)
        let own = try Tokenizer(gguf: metadata, path: "test")
        let json = try Tokenizer.json(gguf: metadata, path: "test")
        let back = try Tokenizer(json: json, path: "test")
        for text in ["abc ab a bc", "cab  abc\nü", Self.text] {
            #expect(back.encode(text) == own.encode(text))
            #expect(back.decode(back.encode(text)) == own.decode(own.encode(text)))
        }
    }

    @Test func unknownCharactersStaySingle() throws {
        var metadata = GGUFMetadata()
        metadata["tokenizer.ggml.model"] = .text("llama")
        let pieces = ["<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "ab"]
        metadata["tokenizer.ggml.tokens"] = .texts(pieces)
        metadata["tokenizer.ggml.scores"] = .floats(pieces.indices.map { -Float($0) })
        metadata["tokenizer.ggml.token_type"] = .integers([2, 3, 3, 1, 1, 1, 1, 1])
        let own = try Tokenizer(gguf: metadata, path: "test")
        let back = try Tokenizer(json: Tokenizer.json(gguf: metadata, path: "test"), path: "test")
        #expect(back.encode(Self.text) == own.encode(Self.text))
    }
}
