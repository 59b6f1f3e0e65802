public import Files

/// What a SentencePiece `tokenizer.model` holds.
struct SentencePieceModel {
    enum Algorithm: Int {
        case unigram = 1
        case bpe = 2
        case word = 3
        case char = 4
    }

    struct Piece {
        var text: [UInt8] = []
        var score: Float = 0
        var kind = PieceDecoder.Kind.normal
    }

    var pieces: [Piece] = []
    var algorithm = Algorithm.unigram
    var hasByteFallback = false
    var unknownText = Array(" \u{2047} ".utf8)
    var normalizer = SentencePieceNormalizer()

    private static let mostPieces = 4_000_000

    init(_ bytes: [UInt8], path: String) throws(FileError) {
        var message = Protobuf(bytes, path: path)
        while let (number, value) = try message.next() {
            switch (number, value) {
            case (1, .bytes(let part)):
                pieces.append(try SentencePieceModel.piece(part, path))
                guard pieces.count <= SentencePieceModel.mostPieces else {
                    throw FileError(path, "more than \(SentencePieceModel.mostPieces) pieces")
                }
            case (2, .bytes(let part)): try readTraining(part, path)
            case (3, .bytes(let part)): try readNormalizer(part, path)
            default: break
            }
        }
        guard !pieces.isEmpty else { throw FileError(path, "there are no pieces") }
        let symbols = pieces.filter { $0.kind == .userDefined }.map(\.text)
        for symbol in symbols { normalizer.symbols.insert(symbol, value: 0) }
    }

    private static func piece(_ bytes: ArraySlice<UInt8>, _ path: String) throws(FileError) -> Piece
    {
        var message = Protobuf(bytes, path: path)
        var piece = Piece()
        while let (number, value) = try message.next() {
            switch number {
            case 1: piece.text = value.bytes ?? []
            case 2: piece.score = value.float ?? 0
            case 3:
                guard let kind = PieceDecoder.Kind(rawValue: value.int ?? 0) else {
                    throw FileError(
                        path, "a piece is of type \(value.int ?? 0), which is not known")
                }
                piece.kind = kind
            default: break
            }
        }
        guard !piece.score.isNaN else { throw FileError(path, "the score of a piece is no number") }
        return piece
    }

    private mutating func readTraining(_ bytes: ArraySlice<UInt8>, _ path: String) throws(FileError)
    {
        var message = Protobuf(bytes, path: path)
        while let (number, value) = try message.next() {
            switch number {
            case 3:
                guard let algorithm = Algorithm(rawValue: value.int ?? 0) else {
                    throw FileError(path, "model type \(value.int ?? 0) is not known")
                }
                self.algorithm = algorithm
            case 24: normalizer.isSuffix = value.bool ?? false
            case 35: hasByteFallback = value.bool ?? false
            case 44: unknownText = value.bytes ?? unknownText
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ bytes: ArraySlice<UInt8>, _ path: String)
        throws(FileError)
    {
        var message = Protobuf(bytes, path: path)
        while let (number, value) = try message.next() {
            switch number {
            case 2:
                let map = value.bytes ?? []
                normalizer.map = map.isEmpty ? nil : try CharacterMap(map, path: path)
            case 3: normalizer.addsBlank = value.bool ?? true
            case 4: normalizer.removesBlanks = value.bool ?? true
            case 5: normalizer.escapesBlanks = value.bool ?? true
            default: break
            }
        }
    }
}

extension Tokenizer {
    /// The sign that stands for a blank.
    static let blankSign: [UInt8] = Array("▁".utf8)

    /// A tokenizer from the bytes of a SentencePiece model.
    public init(sentencePiece bytes: [UInt8], path: String) throws(FileError) {
        let file = try SentencePieceModel(bytes, path: path)
        var table = TokenTable(capacity: file.pieces.count)
        for (id, piece) in file.pieces.enumerated() { table.insert(piece.text, id: id) }
        let unknown = file.pieces.firstIndex { $0.kind == .unknown }
        let fallback = file.hasByteFallback ? TokenizerJSON.fallback(table) : nil
        self.init(
            vocabulary: table, model: Tokenizer.model(of: file, table, unknown, fallback))
        normalizer = .sentencePiece(file.normalizer)
        if file.algorithm == .word {
            preTokenizer = .split(.text(Tokenizer.blankSign), .mergedWithNext, inverted: false)
        }
        // Marks are not looked for in the text; they are known for leaving them out.
        let marks = file.pieces.enumerated().filter { $0.element.kind == .control }
        added = AddedTokens(marks: marks.map(\.offset))
        pieces = Tokenizer.pieces(of: file, unknown)
    }

    private static func model(
        of file: SentencePieceModel, _ table: TokenTable, _ unknown: Int?, _ fallback: [UInt32]?
    ) -> any TokenModel {
        let usable = file.pieces.enumerated().filter {
            $0.element.kind == .normal || $0.element.kind == .userDefined
                || $0.element.kind == .unused
        }
        switch file.algorithm {
        case .word: return WordLevel(tokens: table, unknown: unknown)
        case .bpe, .char:
            let isWhole = file.algorithm == .char
            let tokens = usable.filter {
                !isWhole || characterLength($0.element.text.first ?? 0) == $0.element.text.count
                    || $0.element.kind == .userDefined
            }.map { id, piece in
                ScoredBPE.Token(
                    text: piece.text, id: id, score: Double(piece.score),
                    isFrozen: piece.kind == .userDefined, isUnused: piece.kind == .unused)
            }
            return ScoredBPE(
                tokens, count: file.pieces.count, unknown: unknown, fallback: fallback)
        case .unigram:
            let normal = file.pieces.filter { $0.kind == .normal }.map(\.score)
            let (lowest, highest) = (normal.min() ?? 0, normal.max() ?? 0)
            let tokens = usable.filter { $0.element.kind != .unused }.map { id, piece in
                let defined = Double(Float(piece.text.count) * highest) - 0.1
                let score = piece.kind == .userDefined ? defined : Double(piece.score)
                return (text: piece.text, id: id, score: score)
            }
            var model = Unigram(
                tokens: tokens, unknown: unknown, lowest: Double(lowest), isSingle: true)
            model.fallback = fallback
            return model
        }
    }

    private static func pieces(of file: SentencePieceModel, _ unknown: Int?) -> PieceDecoder {
        var decoder = PieceDecoder(texts: [])
        for (id, piece) in file.pieces.enumerated() {
            var text = piece.text.replacing(blankSign, with: [32])
            switch piece.kind {
            case .control: decoder.silent.insert(id)
            case .unknown: text = file.unknownText
            case .byte:
                if let byte = Decoder.byte(piece.text) {
                    text = [byte]
                    decoder.bytes.insert(id)
                }
            default: break
            }
            decoder.texts.append(text)
        }
        decoder.unknown = unknown
        if file.normalizer.removesBlanks {
            decoder.dropsBlanks = .untilText
        } else if file.normalizer.addsBlank {
            decoder.dropsBlanks = .ofOneToken
        }
        return decoder
    }
}
