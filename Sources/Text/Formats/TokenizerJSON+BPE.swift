import Files

extension TokenizerJSON {
    /// A byte-pair model. Of bytes, its tokens become the bytes that they stand for.
    static func bpe(_ field: JSONField, _ vocabulary: TokenTable, isByteLevel: Bool)
        throws(FileError) -> BPE
    {
        let prefix = try field["continuing_subword_prefix"]?.bytes() ?? []
        let merges = try merges(field, vocabulary, prefix.count)
        var tokens = vocabulary
        var alphabet = BPE.Alphabet.characters
        let suffix = try field["end_of_word_suffix"]?.bytes() ?? []
        if isByteLevel {
            var symbols = [UInt32](repeating: BPE.absent, count: 256)
            for byte in 0..<256 {
                let name = Array(ByteAlphabet.text(of: [UInt8(byte)]).utf8)
                if let id = vocabulary.id(of: name) { symbols[byte] = UInt32(id) }
            }
            tokens = bytesOfTokens(vocabulary)
            alphabet = .bytes(symbols)
        }
        var model = BPE(tokens: tokens, merges: merges, alphabet: alphabet)
        if let token = field["unk_token"] {
            let name = try token.bytes()
            guard let id = vocabulary.id(of: name) else {
                throw token.failure("\(try token.string()) is not in the vocabulary")
            }
            model.unknown = id
        }
        model.fusesUnknown = try field.bool("fuse_unk", or: false)
        model.ignoresMerges = try field.bool("ignore_merges", or: false)
        (model.continuingPrefix, model.endSuffix) = (prefix, suffix)
        if try field.bool("byte_fallback", or: false) { model.fallback = fallback(vocabulary) }
        model.splitsAtBlanks =
            !isByteLevel && !model.ignoresMerges && prefix.isEmpty && suffix.isEmpty
            && BlankSign.separates(vocabulary)
        return model
    }

    /// The tokens <0x00> … <0xFF>.
    static func fallback(_ vocabulary: TokenTable) -> [UInt32] {
        let digits = Array("0123456789ABCDEF".utf8)
        return (0..<256).map { byte in
            let name = Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15]] + Array(">".utf8)
            return vocabulary.id(of: name).map { UInt32($0) } ?? BPE.absent
        }
    }

    /// The same tokens as bytes of text; those that stand for none keep away from it.
    private static func bytesOfTokens(_ vocabulary: TokenTable) -> TokenTable {
        var tokens = TokenTable(capacity: vocabulary.count)
        for id in 0..<vocabulary.count {
            if let token = vocabulary[id], let bytes = ByteAlphabet.bytes(of: token) {
                tokens.insert(bytes, id: id)
            }
        }
        return tokens
    }

    /// Merges as "a b" or as ["a", "b"], in the order of their rank.
    private static func merges(_ field: JSONField, _ vocabulary: TokenTable, _ prefixCount: Int)
        throws(FileError) -> PairTable
    {
        let list = try field.required("merges")
        guard let items = list.value.array else { throw list.failure("must be a list") }
        var merges = PairTable(capacity: items.count)
        for (rank, item) in items.enumerated() {
            guard let (left, right) = halves(item) else {
                throw list.failure("number \(rank) is no pair of tokens")
            }
            let whole = left + right.dropFirst(min(prefixCount, right.count))
            guard let a = vocabulary.id(of: left), let b = vocabulary.id(of: right),
                let c = vocabulary.id(of: whole)
            else {
                let text = String(decoding: left + [32] + right, as: UTF8.self)
                throw list.failure("number \(rank), \(text), is not of the vocabulary")
            }
            merges.insert(UInt32(a), UInt32(b), rank: rank, into: UInt32(c))
        }
        return merges
    }

    private static func halves(_ item: JSON) -> ([UInt8], [UInt8])? {
        if let pair = item.array {
            guard pair.count == 2, let left = pair[0].string, let right = pair[1].string else {
                return nil
            }
            return (Array(left.utf8), Array(right.utf8))
        }
        guard let text = item.string else { return nil }
        let parts = Array(text.utf8).split(separator: 32, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        return (Array(parts[0]), Array(parts[1]))
    }
}
