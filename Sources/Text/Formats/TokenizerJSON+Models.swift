import Files

extension TokenizerJSON {
    /// The model of a file; a model of bytes where the text is split into such.
    static func model(_ field: JSONField, _ vocabulary: TokenTable, isByteLevel: Bool)
        throws(FileError) -> any TokenModel
    {
        switch try kind(of: field) {
        case "BPE": return try bpe(field, vocabulary, isByteLevel: isByteLevel)
        case "Unigram": return try unigram(field, vocabulary)
        case "WordPiece":
            return WordPiece(
                tokens: vocabulary, unknown: try unknown(field, vocabulary),
                prefix: try field.text("continuing_subword_prefix", or: "##").bytes,
                mostCharacters: try field["max_input_chars_per_word"]?.int() ?? 100)
        case "WordLevel":
            return WordLevel(tokens: vocabulary, unknown: try unknown(field, vocabulary))
        case let kind: throw field.failure("models of type \(kind) are not known")
        }
    }

    private static func unknown(_ field: JSONField, _ vocabulary: TokenTable) throws(FileError)
        -> Int?
    {
        vocabulary.id(of: try field.text("unk_token", or: "[UNK]").bytes)
    }

    /// A number as the reference's JSON reader makes it: the digits as a whole number, times a power of ten, each rounded.
    /// The last bit decides between splits of the same score.
    private static func quick(_ value: Double) -> Double {
        guard value.isFinite else { return value }
        var (digits, exponent, isFraction): (UInt64, Int, Bool) = (0, 0, false)
        let parts = "\(value.magnitude)".split(separator: "e")
        for character in parts.first ?? "" {
            guard let digit = character.wholeNumberValue else {
                isFraction = true
                continue
            }
            digits = digits &* 10 &+ UInt64(digit)
            if isFraction { exponent -= 1 }
        }
        if parts.count > 1 { exponent += Int(parts[1]) ?? 0 }
        guard (-22...22).contains(exponent) else { return value }
        let power = (0..<abs(exponent)).reduce(1.0) { power, _ in power * 10 }
        let size = exponent < 0 ? Double(digits) / power : Double(digits) * power
        return value < 0 ? -size : size
    }

    private static func unigram(_ field: JSONField, _ vocabulary: TokenTable) throws(FileError)
        -> Unigram
    {
        let list = try field.required("vocab")
        var tokens: [(text: [UInt8], id: Int, score: Double)] = []
        for (id, item) in try list.items().enumerated() {
            guard let pair = item.value.array, pair.count == 2, let text = pair[0].string,
                let score = pair[1].double, !score.isNaN
            else { throw item.failure("must be a token and its score") }
            tokens.append((Array(text.utf8), id, quick(score)))
        }
        let unknown = try field["unk_id"]?.id()
        if let unknown, unknown >= tokens.count {
            throw field.failure("unk_id is \(unknown), but there are \(tokens.count) tokens")
        }
        let lowest = tokens.map(\.score).min() ?? 0
        var model = Unigram(tokens: tokens, unknown: unknown, lowest: lowest, isSingle: false)
        if try field.bool("byte_fallback", or: false) { model.fallback = fallback(vocabulary) }
        return model
    }
}
