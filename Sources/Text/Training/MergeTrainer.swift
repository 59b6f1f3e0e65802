/// Learns merges: again and again the pair of neighbours that comes most often becomes one symbol; of equals, the pair of
/// the lower symbols. Each merge touches only the words that hold its pair.
struct MergeTrainer {
    struct Pair: Hashable, Comparable {
        let left: Int32
        let right: Int32

        static func < (a: Pair, b: Pair) -> Bool { (a.left, a.right) < (b.left, b.right) }
    }

    /// The pair to merge next: the most frequent one first.
    private struct Candidate: Comparable {
        let pair: Pair
        let count: Int

        static func < (a: Candidate, b: Candidate) -> Bool {
            a.count != b.count ? a.count > b.count : a.pair < b.pair
        }
    }

    /// What a pair knows: how often it comes, and in which words it has come (in some it may be gone again).
    private struct Standing {
        var count = 0
        var words: [Int32] = []
    }

    /// The words as symbols.
    private var words: [[Int32]]
    private let counts: [Int]
    private var pairs: [Pair: Standing] = [:]
    private var queue = Heap<Candidate>()

    /// The words as symbols, and how often each comes.
    init(words: [[Int32]], counts: [Int]) {
        (self.words, self.counts) = (words, counts)
        for (place, word) in words.enumerated() {
            for i in 1..<max(1, word.count) {
                add(Pair(left: word[i - 1], right: word[i]), counts[place], Int32(place))
            }
        }
        for (pair, standing) in pairs { queue.push(Candidate(pair: pair, count: standing.count)) }
    }

    private mutating func add(_ pair: Pair, _ count: Int, _ word: Int32) {
        pairs[pair, default: Standing()].count += count
        if pairs[pair]?.words.last != word { pairs[pair]?.words.append(word) }
    }

    /// The best pair; nil when none comes `least` times.
    mutating func best(least: Int = 2) -> Pair? {
        while let best = queue.pop() {
            let count = pairs[best.pair]?.count ?? 0
            if count != best.count {
                // It has lost some since; it comes up again where it belongs now.
                if count >= least { queue.push(Candidate(pair: best.pair, count: count)) }
                continue
            }
            return count >= least ? best.pair : nil
        }
        return nil
    }

    /// Makes a pair one symbol wherever it stands. The symbol may be an old one that spells the same.
    mutating func merge(_ pair: Pair, into symbol: Int32) {
        guard let standing = pairs.removeValue(forKey: pair) else { return }
        var gains: [Pair: Standing] = [:]
        for place in standing.words { rewrite(place, pair, symbol, &gains) }
        for (new, gain) in gains {
            pairs[new, default: Standing()].count += gain.count
            pairs[new]?.words += gain.words
            queue.push(Candidate(pair: new, count: pairs[new]?.count ?? 0))
        }
    }

    /// Merges the pair in one word, and moves the counts of its neighbours.
    private mutating func rewrite(
        _ place: Int32, _ pair: Pair, _ symbol: Int32, _ gains: inout [Pair: Standing]
    ) {
        let count = counts[Int(place)]
        let old = words[Int(place)]
        var new: [Int32] = []
        new.reserveCapacity(old.count)
        // Whether the symbol before has just been made.
        var isMerged = false
        var i = 0
        while i < old.count {
            guard i + 1 < old.count, old[i] == pair.left, old[i + 1] == pair.right else {
                if isMerged { gain(Pair(left: symbol, right: old[i]), count, place, &gains) }
                isMerged = false
                new.append(old[i])
                i += 1
                continue
            }
            if let before = new.last {
                gain(Pair(left: before, right: symbol), count, place, &gains)
                // The old neighbour pair is gone; behind a merged symbol it went with that one.
                if !isMerged { lose(Pair(left: before, right: pair.left), count) }
            }
            if i + 2 < old.count { lose(Pair(left: pair.right, right: old[i + 2]), count) }
            new.append(symbol)
            isMerged = true
            i += 2
        }
        words[Int(place)] = new
    }

    private mutating func lose(_ pair: Pair, _ count: Int) { pairs[pair]?.count -= count }

    private func gain(
        _ pair: Pair, _ count: Int, _ place: Int32, _ gains: inout [Pair: Standing]
    ) {
        gains[pair, default: Standing()].count += count
        if gains[pair]?.words.last != place { gains[pair]?.words.append(place) }
    }
}
