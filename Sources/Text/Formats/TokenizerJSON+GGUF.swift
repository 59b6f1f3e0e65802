public import Files

extension Tokenizer {
    /// A Hugging Face `tokenizer.json` for the tokenizer that a GGUF file describes.
    ///
    /// - Throws: where there is none that gives the same ids.
    public static func json(gguf metadata: GGUFMetadata, path: String) throws(FileError) -> JSON {
        let file = try GGUFVocabulary(metadata, path: path)
        let json: JSON
        switch file.kind {
        case .bytePairs: json = file.byteLevelJSON
        case .sentencePiece: json = file.sentencePieceJSON
        case .wordPiece, .unigram:
            throw FileError(
                path, "vocabularies of type \(file.kind.rawValue) cannot be written as JSON yet")
        }
        let (own, written) = (
            try Tokenizer(gguf: metadata, path: path), try Tokenizer(json: json, path: path)
        )
        guard GGUFVocabularyWriting.samples.allSatisfy({ own.encode($0) == written.encode($0) })
        else { throw FileError(path, "its tokenizer does what a tokenizer.json cannot say") }
        return json
    }
}

private func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
    .object(members.map { JSON.Member(key: $0.key, value: $0.value) })
}

extension GGUFVocabulary {
    fileprivate func text(_ id: Int) -> String { String(decoding: tokens[id], as: UTF8.self) }

    fileprivate var byteLevelJSON: JSON {
        let level = { (isStep: Bool) in
            object([
                "type": .string("ByteLevel"), "add_prefix_space": .bool(false),
                "trim_offsets": .bool(true), "use_regex": .bool(!isStep),
            ])
        }
        let splits = GGUFSplitting.patterns(splitting).map { pattern in
            object([
                "type": .string("Split"), "pattern": object(["Regex": .string(pattern)]),
                "behavior": .string("Isolated"), "invert": .bool(false),
            ])
        }
        let merges = (metadata["tokenizer.ggml.merges"]?.array ?? []).map {
            JSON.string($0.string ?? "")
        }
        return json(
            normalizer: .null,
            preTokenizer: object([
                "type": .string("Sequence"), "pretokenizers": .array(splits + [level(true)]),
            ]),
            decoder: level(false),
            model: model(
                merges, unknown: nil, hasBytes: false,
                ignoresMerges: GGUFSplitting.ignoringMerges.contains(splitting)))
    }

    fileprivate var sentencePieceJSON: JSON {
        let sign = JSON.string("▁")
        let replaced = { (from: JSON, to: JSON) in
            object([
                "type": .string("Replace"), "pattern": object(["String": from]), "content": to,
            ])
        }
        let prefix = object(["type": .string("Prepend"), "prepend": sign])
        let strip = object([
            "type": .string("Strip"), "content": .string(" "), "start": .integer(1),
            "stop": .integer(0),
        ])
        let steps =
            [replaced(sign, .string(" "))]
            + ["ByteFallback", "Fuse"].map { object(["type": .string($0)]) }
        return json(
            normalizer: object([
                "type": .string("Sequence"),
                "normalizers": .array((addsBlank ? [prefix] : []) + [replaced(.string(" "), sign)]),
            ]),
            preTokenizer: .null,
            decoder: object([
                "type": .string("Sequence"),
                "decoders": .array(steps + (addsBlank ? [strip] : [])),
            ]),
            model: model(mergesByScore, unknown: unknown, hasBytes: true, ignoresMerges: false))
    }

    /// Every way to make a token of two others, the highest score first.
    private var mergesByScore: [JSON] {
        var found: [(score: Double, place: (Int, Int), text: JSON)] = []
        for id in tokens.indices where kinds[id] == .normal || kinds[id] == .unused {
            let token = tokens[id]
            for cut in token.indices.dropFirst() where token[cut] & 0xc0 != 0x80 {
                guard let left = table.id(of: Array(token[..<cut])),
                    let right = table.id(of: Array(token[cut...]))
                else { continue }
                let pair = JSON.array([.string(text(left)), .string(text(right))])
                found.append((scores.isEmpty ? 0 : scores[id], (left, right), pair))
            }
        }
        return found.sorted {
            ($1.score, $0.place.0, $0.place.1) < ($0.score, $1.place.0, $1.place.1)
        }
        .map(\.text)
    }

    private func model(_ merges: [JSON], unknown: Int?, hasBytes: Bool, ignoresMerges: Bool)
        -> JSON
    {
        // A token that stands twice keeps its first id.
        var seen: Set<[UInt8]> = []
        let vocabulary = tokens.indices.filter { seen.insert(tokens[$0]).inserted }.map {
            JSON.Member(key: text($0), value: .integer($0))
        }
        return object([
            "type": .string("BPE"), "dropout": .null,
            "unk_token": unknown.map { .string(text($0)) } ?? .null,
            "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
            "fuse_unk": .bool(false), "byte_fallback": .bool(hasBytes),
            "ignore_merges": .bool(ignoresMerges), "vocab": .object(vocabulary),
            "merges": .array(merges),
        ])
    }

    private func json(normalizer: JSON, preTokenizer: JSON, decoder: JSON, model: JSON) -> JSON {
        let added = addedTokens.map { token in
            object([
                "id": .integer(token.id), "content": .string(token.content),
                "single_word": .bool(false), "lstrip": .bool(false),
                "rstrip": .bool(token.stripsRight), "normalized": .bool(false),
                "special": .bool(token.isSpecial),
            ])
        }
        return object([
            "version": .string("1.0"), "truncation": .null, "padding": .null,
            "added_tokens": .array(added), "normalizer": normalizer,
            "pre_tokenizer": preTokenizer, "post_processor": postProcessor, "decoder": decoder,
            "model": model,
        ])
    }

    /// The marks around a text, if there are any.
    private var postProcessor: JSON {
        var names: [JSON.Member] = []
        func steps(_ items: [PostProcessor.Item]) -> JSON {
            .array(
                items.flatMap { item -> [JSON] in
                    switch item {
                    case .marks(let ids):
                        return ids.map { id in
                            let name = JSON.string(text(id))
                            if !names.contains(where: { $0.key == text(id) }) {
                                let entry = object([
                                    "id": name, "ids": .array([.integer(id)]),
                                    "tokens": .array([name]),
                                ])
                                names.append(JSON.Member(key: text(id), value: entry))
                            }
                            return object([
                                "SpecialToken": object(["id": name, "type_id": .integer(0)])
                            ])
                        }
                    case .text(let place):
                        let name = JSON.string(place == 0 ? "A" : "B")
                        return [
                            object(["Sequence": object(["id": name, "type_id": .integer(place)])])
                        ]
                    }
                })
        }
        let (single, pair) = (steps(marks.single), steps(marks.pair))
        guard !names.isEmpty else { return .null }
        return object([
            "type": .string("TemplateProcessing"), "single": single, "pair": pair,
            "special_tokens": .object(names),
        ])
    }
}
