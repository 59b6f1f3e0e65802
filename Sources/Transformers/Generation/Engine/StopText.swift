/// Hands text on until one of some strings appears in it. Text that may be the beginning of such a string is held back
/// until it is known to be none.
struct StopText: Sendable {
    private let stops: [[UInt8]]
    private var held: [UInt8] = []
    /// The string that appeared.
    private(set) var found: String?

    init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty } }

    /// What of the text so far may be shown and was not yet. Nothing after a string has appeared.
    mutating func next(_ text: String) -> String {
        if found != nil { return "" }
        if stops.isEmpty { return text }
        held += text.utf8
        if let (place, stop) = firstStop() {
            found = String(decoding: stop, as: UTF8.self)
            return take(place)
        }
        return take(held.count - beginningLength)
    }

    /// The rest, when no more text comes.
    mutating func finish() -> String { found == nil ? take(held.count) : "" }

    private mutating func take(_ count: Int) -> String {
        defer { held.removeFirst(count) }
        return String(decoding: held[..<count], as: UTF8.self)
    }

    private func firstStop() -> (place: Int, stop: [UInt8])? {
        for place in held.indices {
            if let stop = stops.first(where: { held[place...].starts(with: $0) }) {
                return (place, stop)
            }
        }
        return nil
    }

    /// How many of the last bytes begin a string.
    private var beginningLength: Int {
        let longest = (stops.map(\.count).max() ?? 1) - 1
        let lengths = stride(from: min(longest, held.count), to: 0, by: -1)
        return lengths.first { length in stops.contains { $0.starts(with: held.suffix(length)) } }
            ?? 0
    }
}
