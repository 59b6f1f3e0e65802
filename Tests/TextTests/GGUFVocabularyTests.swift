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

    @Test func unigramsSurvive() throws {
        let tokens: [(String, Double, Int32)] = [
            ("<pad>", 0, 3), ("</s>", 0, 3), ("<unk>", 0, 2), ("▁", -2, 1), ("a", -3, 1),
            ("b", -3.5, 1), ("▁a", -3, 1), ("ab", -2.5, 1), ("▁bab", -1.5, 1), ("ü", -4, 1),
        ]
        let list = tokens.map { JSON.array([.string($0.0), .number($0.1)]) }
        let model = JSON.object([
            .init(key: "type", value: .string("Unigram")), .init(key: "unk_id", value: .integer(2)),
            .init(key: "vocab", value: .array(list)),
        ])
        let metaspace = JSON.object([
            .init(key: "type", value: .string("Metaspace")),
            .init(key: "replacement", value: .string("▁")),
            .init(key: "prepend_scheme", value: .string("always")),
        ])
        // Blanks at the ends and all but one of several are left out.
        let steps = [(#"\A +| +\z"#, ""), (" {2,}", " ")].map { pattern, content in
            JSON.object([
                .init(key: "type", value: .string("Replace")),
                .init(
                    key: "pattern",
                    value: .object([.init(key: "Regex", value: .string(pattern))])),
                .init(key: "content", value: .string(content)),
            ])
        }
        let marks = [0, 1].map { id in
            JSON.object([
                .init(key: "id", value: .integer(id)),
                .init(key: "content", value: .string(tokens[id].0)),
                .init(key: "special", value: .bool(true)),
            ])
        }
        let json = JSON.object([
            .init(key: "added_tokens", value: .array(marks)),
            .init(key: "pre_tokenizer", value: metaspace),
            .init(
                key: "normalizer",
                value: .object([
                    .init(key: "type", value: .string("Sequence")),
                    .init(key: "normalizers", value: .array(steps)),
                ])),
            .init(key: "decoder", value: metaspace), .init(key: "model", value: model),
        ])
        try Self.withFolder(["tokenizer.json": json.text]) { folder in
            let own = try Tokenizer(path: folder)
            // Fillers do not change what no token covers.
            let written = try GGUFVocabularyWriting(
                folder: folder, size: 16, bos: nil, eos: 1, padding: 0)
            var metadata = GGUFMetadata()
            for (key, value) in written.entries { metadata[key] = value }
            #expect(metadata["tokenizer.ggml.model"]?.string == "t5")
            #expect(metadata["tokenizer.ggml.scores"]?.array?.count == 16)
            let read = try Tokenizer(gguf: metadata, path: "test")
            let back = try Tokenizer(
                json: Tokenizer.json(gguf: metadata, path: "test"), path: "test")
            for text in ["babab ab", "  ab  ba? ", "üb\n", Self.text] {
                #expect(read.encode(text) == own.encode(text))
                #expect(back.encode(text) == own.encode(text))
            }
        }
    }

    @Test func wordsSurvive() throws {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789,.!?'-:;()*/#%_@$<>=".map { "\($0)" }
        let tokens =
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "##lo", "the"] + letters
            + letters.map { "##\($0)" }
        let files = [
            "vocab.txt": tokens.joined(separator: "\n"),
            "tokenizer_config.json":
                #"{"tokenizer_class": "BertTokenizer", "do_lower_case": true}"#,
        ]
        try Self.withFolder(files) { folder in
            let own = try Tokenizer(path: folder)
            let metadata = try Self.metadata(folder)
            #expect(metadata["tokenizer.ggml.model"]?.string == "bert")
            #expect(metadata["tokenizer.ggml.tokens"]?.array?[5].string == "▁hello")
            #expect(metadata["tokenizer.ggml.tokens"]?.array?[6].string == "lo")
            let read = try Tokenizer(gguf: metadata, path: "test")
            let json = try Tokenizer.json(gguf: metadata, path: "test")
            let back = try Tokenizer(json: json, path: "test")
            #expect(json["model"]?["vocab"]?["##lo"]?.int == 6)
            for text in ["Hello, the naïve HELLO!", "Is it 5 o'clock? [MASK] (x_1)", Self.text] {
                #expect(read.encode(text) == own.encode(text))
                #expect(back.encode(text) == own.encode(text))
            }
        }
    }

    private static func withFolder(_ files: [String: String], _ body: (String) throws -> Void)
        throws
    {
        let folder = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max)))"
        mkdir(folder, 0o755)
        defer {
            for name in files.keys { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        for (name, text) in files { try writeFile("\(folder)/\(name)", [Array(text.utf8)]) }
        try body(folder)
    }
}
