import Files
public import Tensors
public import Text

/// Turns texts into vectors that are near each other where the texts mean the same.
///
///     let embedder = try TextEmbedder.load("all-MiniLM-L6-v2", on: device)
///     let vectors = try embedder(["A man is eating.", "Somebody eats."]).vectors     // (2, C)
public struct TextEmbedder: Sendable {
    public let tokenizer: Tokenizer
    /// How a text's states become one vector.
    public var pooling: Pooling
    /// Whether vectors are scaled to length 1.
    public var normalizes: Bool
    /// The most tokens of a text, marks included; what is longer is cut.
    public var limit: Int
    /// What computes the last states (N, C).
    let states: @Sendable (PackedTexts) -> Tensor

    /// The most tokens that go through the model at once, if they are of more than one text.
    private static let batch = 2048

    /// Vectors of texts, with what they took.
    public struct Result: Sendable {
        /// (texts, C), f32
        public let vectors: Tensor
        public let tokens: Int
        /// The texts that were too long, by number.
        public let cut: [Int]
    }

    /// - Parameter progress: hears how many texts are done.
    /// - Throws: if a text has no token at all.
    public func callAsFunction(_ texts: [String], progress: (Int) -> Void = { _ in }) throws
        -> Result
    {
        let whole = texts.map { tokenizer.encode($0) }
        let cut = whole.indices.filter { whole[$0].count > limit }
        var tokens = whole
        for i in cut { tokens[i] = tokenizer.encode(texts[i], most: limit) }
        if let empty = tokens.firstIndex(where: { $0.isEmpty }) {
            throw FileError("text \(empty + 1)", "has no token that could be embedded")
        }
        // Texts of one length side by side share their attention.
        let order = tokens.indices.sorted { (tokens[$0].count, $0) < (tokens[$1].count, $1) }
        var (parts, next) = ([Tensor](), 0)
        while next < order.count {
            let end = batchEnd(order, tokens, from: next)
            parts.append(vectors(order[next..<end].map { tokens[$0] }))
            next = end
            progress(next)
        }
        var places = order
        for (place, text) in order.enumerated() { places[text] = place }
        let all = parts.isEmpty ? Tensor.zeros([0, 0]) : Tensor.concatenated(parts)
        let sorted = texts.isEmpty ? all : all.selecting(PackedTexts.ids([places], on: all.device))
        return Result(vectors: sorted, tokens: tokens.map(\.count).reduce(0, +), cut: cut)
    }

    private func batchEnd(_ order: [Int], _ tokens: [[Int]], from start: Int) -> Int {
        var (end, count) = (start, 0)
        while end < order.count {
            count += tokens[order[end]].count
            if end > start && count > TextEmbedder.batch { break }
            end += 1
        }
        return end
    }

    private func vectors(_ tokens: [[Int]]) -> Tensor {
        noGrad {
            let texts = PackedTexts(tokens)
            let x = pooling(states(texts), of: texts).cast(to: .f32)
            return normalizes ? x.normalizedRows() : x
        }
    }
}

extension TextEmbedder.Result {
    /// How alike the texts are: the cosines of the angles between their vectors (texts, texts).
    public var similarity: Tensor {
        let unit = vectors.normalizedRows()
        return unit.matmul(unit.transposed())
    }
}
