import Files

extension TokenizerJSON {
    private static func object(_ members: [(String, JSON)]) -> JSON {
        .object(members.map { JSON.Member(key: $0.0, value: $0.1) })
    }

    /// A byte-level BPE file with GPT-2's splitting; the id of a token is its place.
    static func byteLevel(tokens: [String], merges: [JSON], marks: [String]) -> JSON {
        let level = { (isStep: Bool) in
            object([
                ("type", .string("ByteLevel")), ("add_prefix_space", .bool(false)),
                ("trim_offsets", .bool(isStep)), ("use_regex", .bool(true)),
            ])
        }
        let model = object([
            ("type", .string("BPE")), ("dropout", .null), ("unk_token", .null),
            ("continuing_subword_prefix", .null), ("end_of_word_suffix", .null),
            ("fuse_unk", .bool(false)), ("byte_fallback", .bool(false)),
            ("ignore_merges", .bool(false)), ("vocab", vocabulary(tokens)),
            ("merges", .array(merges)),
        ])
        return file(
            tokens, marks, preTokenizer: level(true), postProcessor: level(false),
            decoder: level(true), model: model)
    }

    /// A file whose tokens are characters: byte-pair encoding without merges.
    static func characters(tokens: [String], marks: [String], unknown: String?) -> JSON {
        let model = object([
            ("type", .string("BPE")), ("dropout", .null),
            ("unk_token", unknown.map { .string($0) } ?? .null),
            ("continuing_subword_prefix", .null), ("end_of_word_suffix", .null),
            ("fuse_unk", .bool(false)), ("byte_fallback", .bool(false)),
            ("ignore_merges", .bool(false)), ("vocab", vocabulary(tokens)), ("merges", .array([])),
        ])
        let specials = marks + (unknown.map { [$0] } ?? [])
        return file(
            tokens, specials, preTokenizer: .null, postProcessor: .null,
            decoder: object([("type", .string("Fuse"))]), model: model)
    }

    private static func vocabulary(_ tokens: [String]) -> JSON {
        object(tokens.enumerated().map { ($1, .number(Double($0))) })
    }

    private static func file(
        _ tokens: [String], _ marks: [String], preTokenizer: JSON, postProcessor: JSON,
        decoder: JSON, model: JSON
    ) -> JSON {
        let added = marks.enumerated().map { id, content in
            object([
                ("id", .number(Double(tokens.firstIndex(of: content) ?? id))),
                ("content", .string(content)), ("single_word", .bool(false)),
                ("lstrip", .bool(false)), ("rstrip", .bool(false)), ("normalized", .bool(false)),
                ("special", .bool(true)),
            ])
        }
        return object([
            ("version", .string("1.0")), ("truncation", .null), ("padding", .null),
            ("added_tokens", .array(added)), ("normalizer", .null),
            ("pre_tokenizer", preTokenizer), ("post_processor", postProcessor),
            ("decoder", decoder), ("model", model),
        ])
    }
}
