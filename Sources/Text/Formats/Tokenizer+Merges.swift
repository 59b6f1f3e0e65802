import Files

extension Tokenizer {
    /// A folder with `vocab.json` and `merges.txt`: GPT-2's way of splitting, or CLIP's where words end with </w>.
    init(mergesIn folder: String) throws(FileError) {
        let path = "\(folder)/vocab.json"
        let vocabulary = try JSON(parsing: readFile(path), path: path)
        let merges = try Tokenizer.merges("\(folder)/merges.txt")
        let isCLIP = vocabulary.members?.contains { $0.key.hasSuffix("</w>") } ?? false
        let model: [(String, JSON)] = [
            ("type", .string("BPE")), ("vocab", vocabulary), ("merges", .array(merges)),
            ("end_of_word_suffix", isCLIP ? .string("</w>") : .null),
            ("unk_token", isCLIP ? .string("<|endoftext|>") : .null),
        ]
        let steps = isCLIP ? try Tokenizer.stepsOfCLIP(vocabulary, path) : Tokenizer.stepsOfGPT2
        let marks = ["<|startoftext|>", "<|endoftext|>"].compactMap { content in
            vocabulary[content]?.int.map { (content, $0) }
        }
        let added = marks.map { content, id in
            Tokenizer.object([
                ("id", .number(Double(id))), ("content", .string(content)),
                ("special", .bool(true)),
            ])
        }
        let members = steps + [("added_tokens", .array(added)), ("model", Tokenizer.object(model))]
        try self.init(json: Tokenizer.object(members), path: path)
        guard isCLIP else { return }
        padding = vocabulary["<|endoftext|>"]?.int
        let suffix = Replacement(part: .text("</w>".bytes), content: [32])
        decoder = .sequence([.byteLevel, .replace(suffix), .trimmed])
    }

    private static func object(_ members: [(String, JSON)]) -> JSON {
        .object(members.map { JSON.Member(key: $0.0, value: $0.1) })
    }

    /// The lines of a file of merges, without its first comment.
    static func merges(_ path: String) throws(FileError) -> [JSON] {
        var merges: [JSON] = []
        for line in try readFile(path).split(separator: 10) {
            let text = String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            if merges.isEmpty && text.hasPrefix("#version") { continue }
            if !text.isEmpty { merges.append(.string(text)) }
        }
        return merges
    }

    private static let stepsOfGPT2: [(String, JSON)] = {
        let level = object([
            ("type", .string("ByteLevel")), ("add_prefix_space", .bool(false)),
            ("use_regex", .bool(true)),
        ])
        return [("pre_tokenizer", level), ("decoder", level)]
    }()

    /// Lower case, one blank for several, words by CLIP's pattern.
    private static func stepsOfCLIP(_ vocabulary: JSON, _ path: String) throws(FileError)
        -> [(String, JSON)]
    {
        let pattern =
            #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#
        guard let begin = vocabulary["<|startoftext|>"]?.int,
            let end = vocabulary["<|endoftext|>"]?.int
        else { throw FileError(path, "has no tokens <|startoftext|> and <|endoftext|>") }
        let replace = object([
            ("type", .string("Replace")), ("pattern", object([("Regex", .string(#"\s+"#))])),
            ("content", .string(" ")),
        ])
        let steps = [
            object([("type", .string("NFC"))]), replace, object([("type", .string("Lowercase"))]),
        ]
        let split = object([
            ("type", .string("Split")), ("pattern", object([("Regex", .string(pattern))])),
            ("behavior", .string("Removed")), ("invert", .bool(true)),
        ])
        let level = object([
            ("type", .string("ByteLevel")), ("add_prefix_space", .bool(false)),
            ("use_regex", .bool(false)),
        ])
        let mark = { (content: String, id: Int) in
            JSON.array([.string(content), .number(Double(id))])
        }
        return [
            (
                "normalizer",
                object([("type", .string("Sequence")), ("normalizers", .array(steps))])
            ),
            (
                "pre_tokenizer",
                object([("type", .string("Sequence")), ("pretokenizers", .array([split, level]))])
            ),
            (
                "post_processor",
                object([
                    ("type", .string("RobertaProcessing")), ("sep", mark("<|endoftext|>", end)),
                    ("cls", mark("<|startoftext|>", begin)),
                ])
            ),
        ]
    }
}
