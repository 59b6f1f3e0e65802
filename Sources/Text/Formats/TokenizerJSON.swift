public import Files

extension Tokenizer {
    /// A tokenizer as Hugging Face's `tokenizer.json` describes it.
    public init(json: JSON, path: String) throws(FileError) {
        let file = JSONField(json, path: path)
        let model = try file.required("model")
        let isByteLevel = TokenizerJSON.isByteLevel(file["pre_tokenizer"]?.value, model)
        let vocabulary = try TokenizerJSON.vocabulary(model)
        self.init(
            vocabulary: vocabulary,
            model: try TokenizerJSON.model(model, vocabulary, isByteLevel: isByteLevel))
        normalizer = try file["normalizer"].map(TokenizerJSON.normalizer)
        preTokenizer = try file["pre_tokenizer"].map { field throws(FileError) in
            try TokenizerJSON.preTokenizer(field, mapsBytes: !isByteLevel)
        }
        decoder = try file["decoder"].map(TokenizerJSON.decoder) ?? .spaced
        marks = try file["post_processor"].map(TokenizerJSON.marks) ?? PostProcessor()
        let tokens = try TokenizerJSON.addedTokens(file["added_tokens"], vocabulary)
        added = AddedTokens(tokens) { [normalizer] in normalizer?.apply($0) ?? $0 }
        scanner = isByteLevel ? preTokenizer?.scanner : nil
    }
}

/// The parts of a `tokenizer.json`.
enum TokenizerJSON {
    static func kind(of field: JSONField) throws(FileError) -> String {
        if let type = field["type"] { return try type.string() }
        // Files of the first years name no type.
        if field["merges"] != nil { return "BPE" }
        if field["unk_id"] != nil { return "Unigram" }
        return field["continuing_subword_prefix"] != nil ? "WordPiece" : "WordLevel"
    }

    /// The most tokens a file may list.
    private static let mostTokens = 4_000_000

    /// Tokens with ids, of an object, or of a list of [token, score].
    static func vocabulary(_ model: JSONField) throws(FileError) -> TokenTable {
        let field = try model.required("vocab")
        if field.value.array != nil { return try vocabulary(ofList: field) }
        let members = try field.members()
        var table = TokenTable(capacity: members.count)
        for member in members {
            guard let id = member.value.int, id >= 0, id <= TokenTable.highestID else {
                throw field.failure("token \(member.key) has no proper id")
            }
            // Ids may have gaps, but not deserts.
            guard id < members.count * 8 + 65536 else {
                throw field.failure("token \(member.key) has the id \(id), far beyond the others")
            }
            table.insert(Array(member.key.utf8), id: id)
        }
        return table
    }

    private static func vocabulary(ofList field: JSONField) throws(FileError) -> TokenTable {
        let items = try field.items()
        guard items.count <= mostTokens else { throw field.failure("\(items.count) tokens") }
        var table = TokenTable(capacity: items.count)
        for (id, item) in items.enumerated() {
            guard let token = item.value.array?.first?.string else {
                throw item.failure("must be a token and its score")
            }
            table.insert(Array(token.utf8), id: id)
        }
        return table
    }

    static func addedTokens(_ field: JSONField?, _ vocabulary: TokenTable) throws(FileError)
        -> [AddedToken]
    {
        var tokens: [AddedToken] = []
        for item in try field?.items() ?? [] {
            let content = try item.required("content").string()
            let id = try item.required("id").id()
            var token = AddedToken(
                id: vocabulary.id(of: Array(content.utf8)) ?? id, content: content)
            token.isSpecial = try item.bool("special", or: false)
            token.isNormalized = try item.bool("normalized", or: !token.isSpecial)
            token.isSingleWord = try item.bool("single_word", or: false)
            token.stripsLeft = try item.bool("lstrip", or: false)
            token.stripsRight = try item.bool("rstrip", or: false)
            tokens.append(token)
        }
        return tokens
    }
}
