/// Byte strings that share their beginnings, to find every one that begins at a place.
struct ByteTrie: Sendable {
    /// The children: node << 8 | byte → node, in a flat hash table.
    private var keys: [UInt64] = [UInt64](repeating: .max, count: 1024)
    private var children: [Int32] = [Int32](repeating: 0, count: 1024)
    /// The value of each node, or -1. Node 0 is the root.
    private var values: [Int32] = [-1]
    private var edges = 0

    var isEmpty: Bool { edges == 0 }

    private func slot(_ key: UInt64) -> Int {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: mixed(key ^ 0x51_7cc1_b727_2205)) & mask
        while keys[slot] != key, keys[slot] != .max { slot = (slot + 1) & mask }
        return slot
    }

    mutating func insert(_ text: some Sequence<UInt8>, value: Int) {
        var node = 0
        for byte in text {
            if (edges + 1) * 2 > keys.count { grow() }
            let key = UInt64(node) << 8 | UInt64(byte)
            let slot = slot(key)
            if keys[slot] == .max {
                keys[slot] = key
                children[slot] = Int32(values.count)
                values.append(-1)
                edges += 1
            }
            node = Int(children[slot])
        }
        values[node] = Int32(value)
    }

    private mutating func grow() {
        let old = zip(keys, children).filter { $0.0 != .max }
        keys = [UInt64](repeating: .max, count: keys.count * 2)
        children = [Int32](repeating: 0, count: keys.count)
        for (key, child) in old {
            let slot = slot(key)
            keys[slot] = key
            children[slot] = child
        }
    }

    /// The node behind another, or -1.
    func child(_ node: Int, _ byte: UInt8) -> Int {
        let slot = slot(UInt64(node) << 8 | UInt64(byte))
        return keys[slot] == .max ? -1 : Int(children[slot])
    }

    /// The value of the string that ends at a node, or -1.
    func value(_ node: Int) -> Int { Int(values[node]) }

    /// The longest string that begins at a place: its length and value.
    func longest(_ text: Span<UInt8>, at start: Int) -> (length: Int, value: Int)? {
        var (node, i) = (0, start)
        var best: (Int, Int)?
        while i < text.count {
            node = child(node, text[i])
            if node < 0 { break }
            i += 1
            if values[node] >= 0 { best = (i - start, Int(values[node])) }
        }
        return best
    }
}
