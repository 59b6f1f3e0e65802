/// Counts how often each word comes, in the order in which they came first.
struct WordCounter: Sendable {
    private var table: TokenTable
    private(set) var counts: [Int] = []

    init() { table = TokenTable(capacity: 1 << 16) }

    /// Counts a word of a text.
    mutating func count(_ word: Span<UInt8>) {
        if let place = table.id(of: word) {
            counts[place] += 1
        } else {
            table.insert(word.bytes.map { $0 }, id: counts.count)
            counts.append(1)
        }
    }

    /// Counts the words of a text as a scanner splits it.
    mutating func count(_ text: Span<UInt8>, _ scanner: WordScanner) {
        var start = 0
        while start < text.count {
            let end = scanner.end(text, from: start)
            count(text.extracting(start..<end))
            start = end
        }
    }

    /// The words, each with its count.
    var words: [(word: ArraySlice<UInt8>, count: Int)] {
        counts.indices.map { (table[$0] ?? [], counts[$0]) }
    }
}
