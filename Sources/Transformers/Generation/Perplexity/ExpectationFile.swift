public import Files

// What a model expects at every scored token of a text, as llama.cpp's `--kl-divergence-base` writes it: "_logits_",
// window size, vocabulary, number of windows (i32 each), the tokens (i32), and for each token a scale and a least
// log-probability (f32 each) before the codes of all log-probabilities (u16).

/// A file of expectations to compare with.
public struct ExpectationFile: Sendable {
    private let mapping: FileMapping
    private let size: Int
    private let vocabulary: Int
    private let count: Int
    private let tokens: [Int]
    private var headerLength: Int { 20 + 4 * size * count }

    public init(reading path: String) throws(FileError) {
        mapping = try FileMapping(path: path)
        guard mapping.count >= 20, mapping.bytes(0..<8).elementsEqual("_logits_".utf8) else {
            throw FileError(path, "holds no expectations (it does not begin with _logits_)")
        }
        let numbers = ExpectationFile.numbers(mapping.bytes(8..<20))
        (size, vocabulary, count) = (numbers[0], numbers[1], numbers[2])
        let length = ExpectationFile.rowLength(max(0, vocabulary))
        guard (4...1 << 20).contains(size), vocabulary > 0, count > 0,
            count <= mapping.count / (4 * size),
            // Only now the products cannot overflow.
            count * (size - size / 2 - 1) <= mapping.count / length,
            mapping.count == 20 + 4 * size * count + count * (size - size / 2 - 1) * length
        else {
            throw FileError(path, "is cut short: \(count) windows of \(size) tokens are not in it")
        }
        tokens = ExpectationFile.numbers(mapping.bytes(20..<20 + 4 * size * count))
    }

    /// The windows that the file was made of.
    ///
    /// - Parameter start: the mark that begins a text.
    public func windows(for model: any LanguageModel, start: Int?) throws(FileError) -> TextWindows
    {
        guard model.vocabulary == vocabulary,
            tokens.allSatisfy({ (0..<vocabulary).contains($0) })
        else {
            throw FileError(
                mapping.path,
                "was made with \(vocabulary) tokens, the model has \(model.vocabulary)")
        }
        return TextWindows(tokens, size: size, start: start)
    }

    /// The log-probabilities of a window's scored tokens.
    public func rows(_ i: Int) -> [[Float]] {
        let (scored, length) = (
            size - size / 2 - 1, ExpectationFile.rowLength(vocabulary)
        )
        return (0..<scored).map { row in
            let start = headerLength + (i * scored + row) * length
            let bytes = mapping.bytes(start..<start + length)
            let head = ExpectationFile.words(bytes[..<8])
            let (scale, least) = (Float(bitPattern: head[0]), Float(bitPattern: head[1]))
            return (0..<vocabulary).map { token in
                let code = UInt16(bytes[8 + 2 * token]) | UInt16(bytes[9 + 2 * token]) << 8
                return least + scale * Float(code)
            }
        }
    }

    /// The bytes of a token's row: an even number of codes behind two numbers.
    static func rowLength(_ vocabulary: Int) -> Int { 8 + (vocabulary + 1) / 2 * 4 }

    private static func numbers(_ bytes: [UInt8]) -> [Int] {
        words(bytes[...]).map { Int(Int32(bitPattern: $0)) }
    }

    private static func words(_ bytes: ArraySlice<UInt8>) -> [UInt32] {
        stride(from: bytes.startIndex, to: bytes.endIndex - 3, by: 4).map { i in
            (0..<4).reduce(0) { $0 | UInt32(bytes[i + $1]) << UInt32(8 * $1) }
        }
    }
}
