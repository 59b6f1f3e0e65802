/// Tokens and their ids, both ways, in flat arrays: looking a piece up makes no string and no copy.
struct TokenTable: Sendable {
    private struct Entry: Sendable {
        var start: Int
        var count: Int
        var id: Int32
    }

    /// The bytes of all tokens, one after another.
    private var storage: [UInt8] = []
    private var entries: [Entry] = []
    /// Open addressing: 0, or an entry's index + 1.
    private var slots: [Int32]
    /// The entry of each id, or -1.
    private var places: [Int32] = []
    /// Differs between processes, so that a file cannot be made to collide.
    private let seed = UInt64.random(in: .min ... .max) | 1

    init(capacity: Int = 0) {
        slots = [Int32](repeating: 0, count: TokenTable.slotCount(for: capacity))
    }

    private static func slotCount(for count: Int) -> Int {
        var size = 16
        while size < count * 2 { size *= 2 }
        return size
    }

    /// One more than the highest id.
    var count: Int { places.count }

    /// The length of the longest token.
    private(set) var longest = 0

    /// The largest id a file may use.
    static let highestID = 1 << 24

    /// Adds a token. A token that is there already takes the new id; an id that is there already names the new token.
    mutating func insert(_ token: [UInt8], id: Int) {
        if (entries.count + 1) * 2 > slots.count { grow() }
        while places.count <= id { places.append(-1) }
        let slot = slot(of: token.span)
        if slots[slot] != 0 {
            entries[Int(slots[slot] - 1)].id = Int32(id)
        } else {
            entries.append(
                Entry(start: storage.count, count: token.count, id: Int32(id)))
            storage += token
            longest = max(longest, token.count)
            slots[slot] = Int32(entries.count)
        }
        places[id] = slots[slot] - 1
    }

    private mutating func grow() {
        slots = [Int32](repeating: 0, count: slots.count * 2)
        for i in entries.indices {
            let slot = slot(ofEntry: i)
            slots[slot] = Int32(i + 1)
        }
    }

    private func slot(ofEntry i: Int) -> Int {
        let (start, count) = (entries[i].start, entries[i].count)
        return slot(of: storage.span.extracting(start..<start + count))
    }

    /// The id of a token.
    func id(of token: Span<UInt8>) -> Int? {
        let place = slots[slot(of: token)]
        return place == 0 ? nil : Int(entries[Int(place - 1)].id)
    }

    func id(of token: [UInt8]) -> Int? { id(of: token.span) }

    /// The token of an id; nil where no token has it.
    subscript(id: Int) -> ArraySlice<UInt8>? {
        guard places.indices.contains(id), places[id] >= 0 else { return nil }
        let entry = entries[Int(places[id])]
        return storage[entry.start..<entry.start + entry.count]
    }

    /// Where the token is, or where it would go.
    private func slot(of token: Span<UInt8>) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash(token, seed: seed)) & mask
        while slots[slot] != 0, !same(token, entries[Int(slots[slot] - 1)]) {
            slot = (slot + 1) & mask
        }
        return slot
    }

    private func same(_ token: Span<UInt8>, _ entry: Entry) -> Bool {
        guard token.count == entry.count else { return false }
        let start = entry.start
        for i in 0..<token.count where storage[start + i] != token[i] { return false }
        return true
    }
}

/// A hash of a byte string, eight bytes a step.
@inline(__always)
func hash(_ bytes: Span<UInt8>, seed: UInt64) -> UInt64 {
    var state = seed ^ UInt64(truncatingIfNeeded: bytes.count) &* 0x9e37_79b9_7f4a_7c15
    var i = 0
    while i + 8 <= bytes.count {
        let word = bytes.bytes.unsafeLoadUnaligned(fromByteOffset: i, as: UInt64.self)
        state = mixed(state ^ word)
        i += 8
    }
    var rest: UInt64 = 0
    while i < bytes.count {
        rest = rest << 8 | UInt64(bytes[i])
        i += 1
    }
    return mixed(state ^ rest)
}

@inline(__always)
func mixed(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
    return product.high ^ product.low
}
