import Tensors

/// A text in windows; each begins with the mark that begins texts, if there is one.
public struct TextWindows: Sendable {
    public let tokens: [Int]
    public let size: Int
    public let start: Int?
    public let ranges: [Range<Int>]

    public init(_ tokens: [Int], size: Int, most: Int = .max, start: Int?) {
        (self.tokens, self.size, self.start) = (tokens, size, start)
        ranges = (0..<min(most, tokens.count / size)).map { $0 * size..<($0 + 1) * size }
    }

    /// The first token whose logits count: half of the window is there to see.
    public var first: Int { size / 2 }
    /// How many tokens of a window are foretold.
    public var scored: Int { size - first - 1 }

    /// The tokens that the model is fed.
    public func input(_ i: Int) -> [Int] {
        (start.map { [$0] } ?? [tokens[ranges[i].lowerBound]]) + tokens[ranges[i].dropFirst()]
    }

    /// The tokens that should follow.
    public func targets(_ i: Int) -> ArraySlice<Int> { tokens[ranges[i]].dropFirst(first + 1) }
}

/// Runs windows through a model.
public struct WindowReader {
    private let model: any LanguageModel
    private let windows: TextWindows
    private let cache: any KeyValueCache
    private let batch: Int

    public init(
        _ model: any LanguageModel, _ windows: TextWindows, batch: Int = 512,
        format: CacheFormat = .f16
    ) {
        (self.model, self.windows, self.batch) = (model, windows, batch)
        cache = model.makeCache(slots: 1, capacity: windows.size, format: format)
    }

    /// The rows of logits that count, each (V).
    public func logits(_ i: Int) -> [[Float]] {
        let tokens = windows.input(i).dropLast()
        cache.truncate(0, to: 0)
        var rows: [[Float]] = []
        for range in parts(tokens.count) {
            let isScored = range.lowerBound >= windows.first
            let x = model.logits(
                TokenBatch(Array(tokens[range]), wanted: isScored ? .all : .none), cache)
            guard isScored else { continue }
            let (all, width) = (x.scalars(), model.vocabulary)
            rows += (0..<range.count).map { Array(all[$0 * width..<($0 + 1) * width]) }
        }
        return rows
    }

    /// Both halves in passes of at most `batch` tokens.
    private func parts(_ count: Int) -> [Range<Int>] {
        [0..<windows.first, windows.first..<count].flatMap { half in
            stride(from: half.lowerBound, to: half.upperBound, by: batch).map {
                $0..<min($0 + batch, half.upperBound)
            }
        }
    }
}
