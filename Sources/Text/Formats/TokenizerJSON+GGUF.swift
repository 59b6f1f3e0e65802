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
        case .wordPiece: json = file.wordPieceJSON
        case .unigram: json = file.unigramJSON
        }
        let samples =
            file.kind == .wordPiece
            ? GGUFVocabularyWriting.plainSamples : GGUFVocabularyWriting.samples
        let (own, written) = (
            try Tokenizer(gguf: metadata, path: path), try Tokenizer(json: json, path: path)
        )
        guard samples.allSatisfy({ own.encode($0) == written.encode($0) })
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

    fileprivate var wordPieceJSON: JSON {
        let texts = tokens.indices.map { id in
            guard kinds[id] == .normal else { return text(id) }
            let sign = Tokenizer.blankSign
            return tokens[id].starts(with: sign)
                ? String(decoding: tokens[id].dropFirst(sign.count), as: UTF8.self)
                : "##" + text(id)
        }
        return json(
            normalizer: object([
                "type": .string("BertNormalizer"), "clean_text": .bool(true),
                "handle_chinese_chars": .bool(true), "strip_accents": .null,
                "lowercase": .bool(true),
            ]),
            preTokenizer: object(["type": .string("BertPreTokenizer")]),
            decoder: object([
                "type": .string("WordPiece"), "prefix": .string("##"), "cleanup": .bool(true),
            ]),
            model: object([
                "type": .string("WordPiece"),
                "unk_token": .string(unknown.map { text($0) } ?? "[UNK]"),
                "continuing_subword_prefix": .string("##"),
                "max_input_chars_per_word": .integer(100), "vocab": vocabularyJSON(texts),
            ]))
    }

    fileprivate var unigramJSON: JSON {
        var steps: [JSON] = []
        let map = (metadata["tokenizer.ggml.precompiled_charsmap"]?.array ?? [])
            .compactMap { $0.int.flatMap { UInt8(exactly: $0 & 0xff) } }
        if !map.isEmpty {
            steps.append(
                object([
                    "type": .string("Precompiled"),
                    "precompiled_charsmap": .string(Base64.encode(map)),
                ]))
        }
        if flag("remove_extra_whitespaces", or: false) {
            for (pattern, content) in [(#"\A +| +\z"#, ""), (" {2,}", " ")] {
                steps.append(
                    object([
                        "type": .string("Replace"), "content": .string(content),
                        "pattern": object(["Regex": .string(pattern)]),
                    ]))
            }
        }
        let metaspace = object([
            "type": .string("Metaspace"), "replacement": .string("▁"),
            "prepend_scheme": .string(addsBlank ? "first" : "never"), "split": .bool(false),
        ])
        // Readers take the lowest score of all for what no token covers: fillers must not lower it.
        let usual = tokens.indices.filter { kinds[$0] == .normal && !scores.isEmpty }
        let lowest = usual.map { scores[$0] }.min() ?? 0
        let pairs = tokens.indices.map { id in
            let score = scores.isEmpty ? 0 : max(lowest, scores[id])
            return JSON.array([.string(text(id)), .number(decimal(score))])
        }
        return json(
            normalizer: object(["type": .string("Sequence"), "normalizers": .array(steps)]),
            preTokenizer: metaspace, decoder: metaspace,
            model: object([
                "type": .string("Unigram"), "unk_id": unknown.map { .integer($0) } ?? .null,
                "vocab": .array(pairs), "byte_fallback": .bool(false),
            ]))
    }

    /// With as many digits as a Float needs: files have such.
    private func decimal(_ score: Double) -> Double { Double("\(Float(score))") ?? score }

    /// A token that stands twice keeps its first id.
    private func vocabularyJSON(_ texts: [String]) -> JSON {
        var seen: Set<[UInt8]> = []
        return .object(
            texts.indices.filter { seen.insert(Array(texts[$0].utf8)).inserted }.map {
                JSON.Member(key: texts[$0], value: .integer($0))
            })
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
        return object([
            "type": .string("BPE"), "dropout": .null,
            "unk_token": unknown.map { .string(text($0)) } ?? .null,
            "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
            "fuse_unk": .bool(false), "byte_fallback": .bool(hasBytes),
            "ignore_merges": .bool(ignoresMerges),
            "vocab": vocabularyJSON(tokens.indices.map(text)),
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
