/// Which two symbols merge into which, and how early: a flat hash table of pairs.
struct PairTable: Sendable {
    /// The pair of an empty slot, and the merge of a pair that is not here.
    static let none = UInt64.max

    private var keys: [UInt64]
    /// Rank in the upper half, the merged symbol in the lower: the smaller merges first.
    private var values: [UInt64]
    private(set) var count = 0

    init(capacity: Int = 0) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = [UInt64](repeating: PairTable.none, count: size)
        values = keys
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: mixed(key ^ 0x2545_f491_4f6c_dd1d)) & mask
        while keys[slot] != key, keys[slot] != PairTable.none { slot = (slot + 1) & mask }
        return slot
    }

    /// The merge of two symbols: rank << 32 | symbol, or `none`.
    @inline(__always)
    subscript(left: UInt32, right: UInt32) -> UInt64 {
        values[slot(of: UInt64(left) << 32 | UInt64(right))]
    }

    /// Adds a merge; of two for the same pair the later counts, as in the files' first reader.
    mutating func insert(_ left: UInt32, _ right: UInt32, rank: Int, into symbol: UInt32) {
        if (count + 1) * 2 > keys.count { grow() }
        let key = UInt64(left) << 32 | UInt64(right)
        let slot = slot(of: key)
        if keys[slot] == PairTable.none { count += 1 }
        keys[slot] = key
        values[slot] = UInt64(rank) << 32 | UInt64(symbol)
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = [UInt64](repeating: PairTable.none, count: keys.count * 2)
        values = keys
        for (key, value) in zip(oldKeys, oldValues) where key != PairTable.none {
            let slot = slot(of: key)
            keys[slot] = key
            values[slot] = value
        }
    }
}
