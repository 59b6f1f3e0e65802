public import Files

/// Makes a vocabulary from text.
public struct TokenizerTrainer: Sendable {
    /// What the tokens are.
    public enum Kind: String, Sendable, CaseIterable, Codable {
        /// Byte pairs: any text can be written with them.
        case bpe
        /// The characters of the text.
        case char
    }

    public let kind: Kind
    /// How many tokens there are to be, marks included; nil for all characters.
    public let size: Int?
    /// Marks such as <|endoftext|>: the first ids.
    public let marks: [String]
    private var words = WordCounter()
    private var characters: [Unicode.Scalar: Int] = [:]
    private let scanner = WordScanner(.gpt2)

    /// A byte-pair vocabulary needs at least the 256 bytes and the marks.
    public init(_ kind: Kind, size: Int?, marks: [String] = ["<|endoftext|>"]) {
        (self.kind, self.size, self.marks) = (kind, size, marks)
    }

    /// The size of a byte-pair vocabulary when none is said.
    public static let usualSize = 8192

    /// The fewest tokens that a vocabulary of this kind has.
    public static func least(_ kind: Kind, marks: [String]) -> Int {
        marks.count + (kind == .bpe ? 256 : 1)
    }

    /// Takes in a text; broken bytes count as they are in byte pairs, and as U+FFFD in characters.
    public mutating func add(_ text: [UInt8]) {
        switch kind {
        case .bpe: words.count(text.span, scanner)
        case .char:
            for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
                characters[scalar, default: 0] += 1
            }
        }
    }

    /// The tokenizer that fits what was added, as the content of a tokenizer.json. `progress` hears of each merge.
    public func json(progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }) -> JSON {
        switch kind {
        case .bpe: bytePairs(progress)
        case .char: characterVocabulary()
        }
    }

    /// The same as a tokenizer.
    public func tokenizer(progress: (_ done: Int, _ of: Int) -> Void = { _, _ in })
        throws(FileError) -> Tokenizer
    {
        try Tokenizer(json: json(progress: progress), path: "trained tokenizer")
    }

    // MARK: byte pairs

    private func bytePairs(_ progress: (Int, Int) -> Void) -> JSON {
        var tokens = marks + ByteAlphabet.order.map { ByteAlphabet.text(of: [$0]) }
        var symbols = [Int32](repeating: 0, count: 256)
        for (i, byte) in ByteAlphabet.order.enumerated() {
            symbols[Int(byte)] = Int32(marks.count + i)
        }
        let counted = words.words
        var trainer = MergeTrainer(
            words: counted.map { $0.word.map { symbols[Int($0)] } }, counts: counted.map(\.count))
        let (size, first) = (size ?? TokenizerTrainer.usualSize, tokens.count)
        // Two pairs may spell the same token; the second adds a merge, but no token.
        var known: [String: Int32] = [:]
        var merges: [JSON] = []
        while tokens.count < size, let pair = trainer.best() {
            let (left, right) = (tokens[Int(pair.left)], tokens[Int(pair.right)])
            merges.append(.array([.string(left), .string(right)]))
            let symbol = known[left + right] ?? Int32(tokens.count)
            if Int(symbol) == tokens.count { tokens.append(left + right) }
            known[left + right] = symbol
            trainer.merge(pair, into: symbol)
            progress(tokens.count - first, max(1, size - first))
        }
        return TokenizerJSON.byteLevel(tokens: tokens, merges: merges, marks: marks)
    }

    // MARK: characters

    private func characterVocabulary() -> JSON {
        let ranked = characters.sorted { ($1.value, $0.key.value) < ($0.value, $1.key.value) }
        let room = max(0, (size ?? .max) - marks.count)
        // The rarest make room for a token that stands for all of them.
        let isCut = ranked.count > room
        let kept = ranked.prefix(isCut ? max(0, room - 1) : room).map(\.key).sorted()
        let unknown = "<unk>"
        let tokens = marks + (isCut ? [unknown] : []) + kept.map { String($0) }
        return TokenizerJSON.characters(
            tokens: tokens, marks: marks, unknown: isCut ? unknown : nil)
    }
}
