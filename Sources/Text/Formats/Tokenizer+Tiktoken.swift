public import Files

extension Tokenizer {
    /// A byte-level vocabulary as OpenAI's `tiktoken` stores it: each line a token in Base64 and its rank, which is its id.
    /// How text splits, and the marks, are not in the file.
    public init(
        tiktoken bytes: [UInt8], pattern: String, marks: [(content: String, id: Int)], path: String
    ) throws(FileError) {
        var ranks: [(token: [UInt8], rank: Int)] = []
        for (number, line) in bytes.split(separator: 10).enumerated() {
            let words = line.split(separator: 32)
            // Some files have an empty token, as a lone =.
            guard words.count >= 2, let token = words[0] == [61] ? [] : Base64.decode(words[0]),
                let rank = Int(String(decoding: words[1].filter { $0 != 13 }, as: UTF8.self)),
                rank >= 0, rank <= TokenTable.highestID
            else { throw FileError(path, "line \(number + 1) is no token with its rank") }
            if !token.isEmpty { ranks.append((token, rank)) }
        }
        guard !ranks.isEmpty else { throw FileError(path, "there are no tokens") }
        if let far = ranks.first(where: { $0.rank >= ranks.count * 8 + 65536 }) {
            throw FileError(path, "rank \(far.rank) lies far beyond the others")
        }
        var table = TokenTable(capacity: ranks.count)
        for (token, rank) in ranks { table.insert(token, id: rank) }
        let symbols = (0..<256).map { byte in
            table.id(of: [UInt8(byte)]).map { UInt32($0) } ?? BPE.absent
        }
        let merges = PairTable(splitting: ranks.map { ($0.token, $0.rank, $0.rank) }) {
            table.id(of: $0)
        }
        var model = BPE(tokens: table, merges: merges, alphabet: .bytes(symbols))
        model.ignoresMerges = true
        self.init(vocabulary: table, model: model)
        added = AddedTokens(
            marks.map { AddedToken(id: $0.id, content: $0.content) })
        let splitter = try Splitter(pattern: pattern, path: path)
        if case .scanner(let scanner) = splitter { self.scanner = scanner }
        preTokenizer = .split(splitter, .isolated, inverted: false)
        var texts = ranks.reduce(into: [[UInt8]](repeating: [], count: count)) {
            $0[$1.rank] = $1.token
        }
        for mark in marks where texts.indices.contains(mark.id) {
            texts[mark.id] = Array(mark.content.utf8)
        }
        pieces = PieceDecoder(texts: texts)
    }
}

extension PairTable {
    /// All pairs whose concatenation is a token: they merge in the order of the tokens' ranks. `id` knows the symbols.
    init(
        splitting tokens: [(token: [UInt8], id: Int, rank: Int)], id: (Span<UInt8>) -> Int?
    ) {
        self.init(capacity: tokens.count * 2)
        for (token, symbol, rank) in tokens
        where token.count > 1 && token.count <= PairTable.longest {
            for cut in 1..<token.count {
                let span = token.span
                guard let left = id(span.extracting(0..<cut)),
                    let right = id(span.extracting(cut..<token.count))
                else { continue }
                insert(UInt32(left), UInt32(right), rank: rank, into: UInt32(symbol))
            }
        }
    }

    /// Longer tokens are reached by no merge.
    private static let longest = 512
}
