/// Turns text into the ids of a vocabulary and back, as the file that it was read from says.
public struct Tokenizer: Sendable {
    /// Every token as it is written in the file, with its id.
    var vocabulary: TokenTable
    var added = AddedTokens()
    var normalizer: Normalizer?
    var preTokenizer: PreTokenizer?
    var model: any TokenModel
    var decoder = Decoder.spaced
    /// The text of each id, where the format decodes by it.
    var pieces: PieceDecoder?
    /// The marks around an encoded text, such as a token that begins it.
    public internal(set) var marks = PostProcessor()
    /// The id that fills up what is too short.
    var padding: Int?
    /// How text splits into words where one scanner does all of it: the quick way.
    var scanner: WordScanner?

    init(vocabulary: TokenTable, model: any TokenModel) {
        (self.vocabulary, self.model) = (vocabulary, model)
    }

    /// One more than the highest id.
    public var count: Int { max(vocabulary.count, (added.all.map(\.id).max() ?? -1) + 1) }

    /// The tokens that are found whole in the text, marks among them.
    public var addedTokens: [AddedToken] { added.all }

    /// The id of a token as the vocabulary writes it.
    public func id(of token: String) -> Int? {
        added.all.last { $0.content == token }?.id ?? vocabulary.id(of: Array(token.utf8))
    }

    /// A token as the vocabulary writes it; nil for an id without token.
    public func token(_ id: Int) -> String? {
        tokenBytes(id).map { String(decoding: $0, as: UTF8.self) }
    }

    func tokenBytes(_ id: Int) -> [UInt8]? {
        if let bytes = vocabulary[id] { return Array(bytes) }
        return added.all.last { $0.id == id }.map { Array($0.content.utf8) }
    }

    /// Whether an id is a mark, which decoding may leave out.
    public func isSpecial(_ id: Int) -> Bool { added.specialIDs.contains(id) }
}

// MARK: encoding

extension Tokenizer {
    /// The ids of a text. `addsMarks` puts the vocabulary's marks around them; `findsSpecial` takes marks that are written
    /// in the text for such (text of strangers is to go without).
    public func encode(_ text: String, addsMarks: Bool = true, findsSpecial: Bool = true) -> [Int] {
        encode(utf8: Array(text.utf8), addsMarks: addsMarks, findsSpecial: findsSpecial)
    }

    /// The ids of UTF-8. Broken bytes count as U+FFFD, save where every byte has a token.
    public func encode(utf8 text: [UInt8], addsMarks: Bool = true, findsSpecial: Bool = true)
        -> [Int]
    {
        let ids = encodeText(text, findsSpecial)
        return addsMarks ? marks([ids]) : ids
    }

    /// The ids of two texts that belong together, as encoders that compare them take them.
    public func encode(_ first: String, _ second: String, addsMarks: Bool = true) -> [Int] {
        let texts = [first, second].map { encodeText(Array($0.utf8), true) }
        return addsMarks ? marks(texts) : texts[0] + texts[1]
    }

    private func encodeText(_ text: [UInt8], _ findsSpecial: Bool) -> [Int] {
        var ids: [Int] = []
        let text = scanner == nil ? repaired(text) : text
        for segment in segments(text, isNormalized: false, findsSpecial) {
            switch segment {
            case .token(let id): ids.append(id)
            case .text(let range): encode(text, range, findsSpecial, into: &ids)
            }
        }
        return ids
    }

    private func segments(_ text: [UInt8], isNormalized: Bool, _ findsSpecial: Bool)
        -> [AddedTokens.Segment]
    {
        if text.isEmpty { return [] }
        let isSearched = isNormalized ? added.hasNormalized : added.hasRaw
        return isSearched
            ? added.split(text, isNormalized: isNormalized, findsSpecial: findsSpecial)
            : [.text(0..<text.count)]
    }

    /// A stretch without tokens that are found in the text as it came.
    private func encode(
        _ text: [UInt8], _ range: Range<Int>, _ findsSpecial: Bool, into ids: inout [Int]
    ) {
        if let scanner, normalizer == nil, !added.hasNormalized, let model = model as? BPE {
            model.encode(text.span.extracting(range), scanner, into: &ids)
            return
        }
        let stretch = range.count == text.count ? text : Array(text[range])
        let normalized = normalizer?.apply(stretch) ?? stretch
        for segment in segments(normalized, isNormalized: true, findsSpecial) {
            switch segment {
            case .token(let id): ids.append(id)
            case .text(let part):
                let isFirst = range.lowerBound == 0 && part.lowerBound == 0
                let piece = Piece(bytes: Array(normalized[part]), isFirst: isFirst)
                encode(piece, into: &ids)
            }
        }
    }

    private func encode(_ piece: Piece, into ids: inout [Int]) {
        if let scanner, let model = model as? BPE {
            model.encode(piece.bytes.span, scanner, into: &ids)
        } else if let preTokenizer, let model = model as? BPE {
            model.encode(preTokenizer.split([piece]), into: &ids)
        } else {
            for piece in preTokenizer?.split([piece]) ?? [piece] where !piece.bytes.isEmpty {
                model.encode(piece.bytes, into: &ids)
            }
        }
    }
}

// MARK: decoding

extension Tokenizer {
    /// The text of ids. Without `keepsMarks`, special tokens are left out. Ids without token give nothing; bytes that are
    /// no character give U+FFFD.
    public func decode(_ ids: [Int], keepsMarks: Bool = true) -> String {
        String(decoding: text(of: ids, keepsMarks, keepsBytes: false), as: UTF8.self)
    }

    /// The bytes of ids: a character may be cut at the end.
    public func decodeBytes(_ ids: [Int], keepsMarks: Bool = true) -> [UInt8] {
        text(of: ids, keepsMarks, keepsBytes: true)
    }

    private func text(of ids: [Int], _ keepsMarks: Bool, keepsBytes: Bool) -> [UInt8] {
        let ids = keepsMarks ? ids : ids.filter { !isSpecial($0) }
        if let pieces { return pieces.decode(ids, keepsBytes: keepsBytes) }
        return decoder.text(of: ids.compactMap { tokenBytes($0) }, keepsBytes: keepsBytes)
    }
}
