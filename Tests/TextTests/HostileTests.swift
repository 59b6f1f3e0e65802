import Files
import Testing

@testable import Text

/// Files that want to break the reader: each is refused with an error of one line.
@Suite struct HostileTests {
    private static func file(_ model: String, _ rest: String = "") -> String {
        "{\"model\": \(model)\(rest.isEmpty ? "" : ", ")\(rest)}"
    }

    private static let bpe =
        #"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}"#
    private static let huge = String(repeating: "[", count: 5000)

    static let tokenizers: [String] = [
        "", "{", "[]", "{}", "null", "{\"model\": 5}", "{\"model\": \(huge)", file("{}"),
        file(#"{"type": "BPE"}"#), file(#"{"type": 1, "vocab": {}, "merges": []}"#),
        file(#"{"type": "Nonsense", "vocab": {}}"#),
        file(#"{"type": "BPE", "vocab": {"a": 0}, "merges": 3}"#),
        file(#"{"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]}"#),
        file(#"{"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}"#),
        file(#"{"type": "BPE", "vocab": {"a": 0}, "merges": [[1, 2]]}"#),
        file(#"{"type": "BPE", "vocab": {"a": -1}, "merges": []}"#),
        file(#"{"type": "BPE", "vocab": {"a": 1.5}, "merges": []}"#),
        file(#"{"type": "BPE", "vocab": {"a": 99999999999999999999}, "merges": []}"#),
        file(#"{"type": "BPE", "vocab": {"a": 16000000}, "merges": []}"#),
        file(#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "x"}"#),
        file(#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "fuse_unk": "yes"}"#),
        file(#"{"type": "Unigram", "vocab": [["a"]], "unk_id": 0}"#),
        file(#"{"type": "Unigram", "vocab": [["a", "b"]], "unk_id": 0}"#),
        file(#"{"type": "Unigram", "vocab": [["a", 0]], "unk_id": 7}"#),
        file(#"{"type": "Unigram", "vocab": [["a", 0]], "unk_id": -1}"#),
        file(#"{"type": "WordPiece", "vocab": {"a": 0}, "max_input_chars_per_word": "x"}"#),
        file(bpe, #""added_tokens": [{"content": "x"}]"#),
        file(bpe, #""added_tokens": [{"content": 1, "id": 0}]"#),
        file(bpe, #""added_tokens": [{"content": "x", "id": 1e18}]"#),
        file(bpe, #""normalizer": {"type": "Nonsense"}"#),
        file(bpe, #""normalizer": {"type": "Replace", "pattern": {"Regex": "("}, "content": ""}"#),
        file(bpe, #""normalizer": {"type": "Precompiled", "precompiled_charsmap": "!"}"#),
        file(bpe, #""normalizer": {"type": "Precompiled", "precompiled_charsmap": "/////w=="}"#),
        file(bpe, #""pre_tokenizer": {"type": "Split", "pattern": 3}"#),
        file(
            bpe,
            #""pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}, "behavior": "Odd"}"#),
        file(bpe, #""pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "odd"}"#),
        file(bpe, #""decoder": {"type": "Strip", "content": 5}"#),
        file(bpe, #""post_processor": {"type": "TemplateProcessing", "single": 1, "pair": []}"#),
        file(
            bpe,
            #""post_processor": {"type": "TemplateProcessing", "pair": [], "single": ["#
                + #"{"SpecialToken": {"id": "x"}}], "special_tokens": {}}"#),
        file(
            bpe,
            #""post_processor": {"type": "TemplateProcessing", "pair": [], "single": ["#
                + #"{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}]}"#),
        file(
            bpe,
            #""normalizer": "#
                + String(repeating: #"{"type": "Sequence", "normalizers": ["#, count: 40)
                + #"{"type": "NFC"}"# + String(repeating: "]}", count: 40)),
    ]

    @Test(arguments: tokenizers.indices)
    func aTokenizerFileIsRefused(index: Int) {
        let error = #expect(throws: FileError.self) {
            let bytes = Array(Self.tokenizers[index].utf8)
            _ = try Tokenizer(json: JSON(parsing: bytes, path: "t.json"), path: "t.json")
        }
        #expect(error.map { !$0.description.contains("\n") } ?? false)
    }

    @Test func everyCutOfAFileIsRefusedOrRead() throws {
        let whole = Array(Self.file(Self.bpe).utf8)
        for count in 0..<whole.count {
            #expect(throws: FileError.self) {
                try Tokenizer(json: JSON(parsing: Array(whole[..<count]), path: "t"), path: "t")
            }
        }
        _ = try Tokenizer(json: JSON(parsing: whole, path: "t"), path: "t")
    }

    /// Every byte of a model in protocol buffers, changed: an error or a tokenizer, never a trap.
    @Test func aBrokenSentencePieceModelNeverTraps() {
        var model: [UInt8] = []
        for (text, kind) in [("<unk>", 2), ("▁a", 1), ("b", 1), ("<0x41>", 6), ("u", 4)]
            as [(String, UInt8)]
        {
            let piece =
                [0x0a, UInt8(text.utf8.count)] + Array(text.utf8) + [
                    0x15, 0, 0, 0x80, 0xbf, 0x18, kind,
                ]
            model += [0x0a, UInt8(piece.count)] + piece
        }
        model += [0x12, 4, 0x18, 2, 0x98, 2, 0x1a, 2, 0x18, 1]
        for place in model.indices {
            for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
                var broken = model
                broken[place] = value
                if let tokenizer = try? Tokenizer(sentencePiece: broken, path: "m") {
                    _ = tokenizer.decode(tokenizer.encode("ab A ü") + [-1, 99])
                }
            }
            _ = try? Tokenizer(sentencePiece: Array(model[..<place]), path: "m")
        }
        #expect(throws: FileError.self) { try Tokenizer(sentencePiece: [], path: "m") }
    }

    @Test(arguments: ["", "YQ== x", "YQ==", "!!! 0", "YQ== -1", "YQ== 99999999", "YQ== 3 4\nYg=="])
    func aBrokenTiktokenFileIsRefused(text: String) {
        let pattern = WordScanner.usualSource
        #expect(throws: FileError.self) {
            try Tokenizer(tiktoken: Array(text.utf8), pattern: pattern, marks: [], path: "t")
        }
    }

    @Test func idsFromElsewhereAreHarmless() throws {
        let json = try JSON(parsing: Array(Self.file(Self.bpe).utf8), path: "t")
        let tokenizer = try Tokenizer(json: json, path: "t")
        #expect(tokenizer.decode([.min, -1, 3, 1 << 40, .max]) == "")
        #expect(tokenizer.token(-1) == nil && tokenizer.token(3) == nil)
        #expect(tokenizer.encode("abcab", length: 1).count == 1)
    }

    // MARK: GGUF

    private static func text(_ text: String) -> [UInt8] {
        number(text.utf8.count, 8) + Array(text.utf8)
    }

    private static func number(_ value: Int, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func gguf(_ entries: [[UInt8]]) -> [UInt8] {
        Array("GGUF".utf8) + number(3, 4) + number(0, 8) + number(entries.count, 8)
            + entries.joined()
    }

    private static func entry(_ key: String, _ type: Int, _ value: [UInt8]) -> [UInt8] {
        text(key) + number(type, 4) + value
    }

    @Test func metadataAreRead() throws {
        let list = Self.number(8, 4) + Self.number(2, 8) + Self.text("x") + Self.text("yz")
        let bytes = Self.gguf([
            Self.entry("a", 5, Self.number(-7, 4)), Self.entry("b", 9, list),
            Self.entry("c", 7, [1]), Self.entry("d", 10, Self.number(-1, 8)),
        ])
        let metadata = try GGUFMetadata(file: bytes, path: "g")
        #expect(metadata["a"]?.int == -7 && metadata["c"]?.bool == true)
        #expect(metadata["b"]?.array?.compactMap(\.string) == ["x", "yz"])
        #expect(metadata["d"] == .uint64(.max) && metadata["d"]?.int == nil)
        #expect(metadata.keys == ["a", "b", "c", "d"])
        for count in 0..<bytes.count {
            #expect(throws: FileError.self) {
                try GGUFMetadata(file: Array(bytes[..<count]), path: "g")
            }
        }
    }

    @Test(arguments: [
        ("tokenizer.ggml.model", 8, text("odd")), ("tokenizer.ggml.model", 4, number(1, 4)),
        ("tokenizer.ggml.model", 8, text("llama")),
        ("x", 9, number(9, 4) + number(1, 8) + number(9, 4) + number(1, 8) + number(9, 4)),
        ("x", 9, number(0, 4) + number(1 << 60, 8)), ("x", 8, number(-1, 8)), ("x", 7, [2]),
        ("x", 13, []), ("", 0, [0]),
    ])
    func brokenMetadataAreRefused(key: String, type: Int, value: [UInt8]) {
        #expect(throws: FileError.self) {
            let metadata = try GGUFMetadata(
                file: Self.gguf([Self.entry(key, type, value)]), path: "g")
            _ = try Tokenizer(gguf: metadata, path: "g")
        }
    }
}
