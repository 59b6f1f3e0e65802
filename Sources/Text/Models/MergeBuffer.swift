/// The symbols of one word while neighbours merge: always the pair of the lowest rank, the leftmost of equals.
struct MergeBuffer {
    private(set) var symbols: [UInt32] = []
    /// The merge of each symbol with its right neighbour.
    private var merges: [UInt64] = []

    /// Words up to this many symbols are searched for the best pair; longer ones keep a queue.
    private static let shortest = 40

    mutating func clear() { symbols.removeAll(keepingCapacity: true) }
    mutating func append(_ symbol: UInt32) { symbols.append(symbol) }

    /// Merges until no pair is left to merge.
    mutating func merge(by pairs: borrowing PairTable) {
        guard symbols.count > 1 else { return }
        symbols.count <= MergeBuffer.shortest ? mergeShort(pairs) : mergeLong(pairs)
    }

    private mutating func mergeShort(_ pairs: borrowing PairTable) {
        var count = symbols.count
        merges.removeAll(keepingCapacity: true)
        for i in 0..<count - 1 { merges.append(pairs[symbols[i], symbols[i + 1]]) }
        while count > 1 {
            var best = PairTable.none
            var place = 0
            for i in 0..<count - 1 where merges[i] >> 32 < best >> 32 {
                (best, place) = (merges[i], i)
            }
            if best == PairTable.none { break }
            symbols[place] = UInt32(truncatingIfNeeded: best)
            count -= 1
            var i = place + 1
            while i < count {
                symbols[i] = symbols[i + 1]
                merges[i - 1] = merges[i]
                i += 1
            }
            if place + 1 < count { merges[place] = pairs[symbols[place], symbols[place + 1]] }
            if place > 0 { merges[place - 1] = pairs[symbols[place - 1], symbols[place]] }
        }
        symbols.removeLast(symbols.count - count)
    }

    /// The same with a queue of candidates: n log n. A candidate that no longer fits its place is dropped when it comes up.
    private mutating func mergeLong(_ pairs: borrowing PairTable) {
        let count = symbols.count
        var (left, right) = (Array(-1..<count - 1), Array(1...count))
        var queue = Heap<Candidate>()
        for i in 0..<count - 1 {
            queue.push(Candidate(pairs[symbols[i], symbols[i + 1]], i, symbols[i], symbols[i + 1]))
        }
        let gone = UInt32.max
        while let best = queue.pop() {
            let place = best.place
            let next = right[place]
            guard symbols[place] == best.left, next < count, symbols[next] == best.right else {
                continue
            }
            symbols[place] = best.symbol
            symbols[next] = gone
            right[place] = right[next]
            if right[next] < count { left[right[next]] = place }
            let after = right[place]
            if after < count {
                let merge = pairs[symbols[place], symbols[after]]
                queue.push(Candidate(merge, place, symbols[place], symbols[after]))
            }
            if left[place] >= 0 {
                let before = left[place]
                let merge = pairs[symbols[before], symbols[place]]
                queue.push(Candidate(merge, before, symbols[before], symbols[place]))
            }
        }
        symbols.removeAll { $0 == gone }
    }

    private struct Candidate: Comparable {
        let rank: UInt32
        let symbol: UInt32
        let place: Int
        let left: UInt32
        let right: UInt32

        /// nil where the two do not merge.
        init?(_ merge: UInt64, _ place: Int, _ left: UInt32, _ right: UInt32) {
            guard merge != PairTable.none else { return nil }
            (rank, symbol) = (
                UInt32(truncatingIfNeeded: merge >> 32), UInt32(truncatingIfNeeded: merge)
            )
            (self.place, self.left, self.right) = (place, left, right)
        }

        static func < (a: Candidate, b: Candidate) -> Bool {
            (a.rank, a.place) < (b.rank, b.place)
        }
    }
}
