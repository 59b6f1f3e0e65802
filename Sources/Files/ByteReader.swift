/// Reads little-endian numbers and byte runs from memory that is not to be trusted: every read is checked against the
/// end, and nothing here can overflow or trap.
public struct ByteReader {
    public let bytes: [UInt8]
    public private(set) var position: Int
    private let path: String

    public init(_ bytes: [UInt8], path: String, at position: Int = 0) {
        (self.bytes, self.path, self.position) = (bytes, path, Swift.max(0, position))
    }

    public var remaining: Int { Swift.max(0, bytes.count - position) }

    /// The next `count` bytes.
    public mutating func take(_ count: Int, _ what: String) throws(FileError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else {
            throw FileError(
                path,
                "ends inside \(what): \(count) bytes wanted at byte \(position), \(remaining) left")
        }
        defer { position += count }
        return bytes[position..<position + count]
    }

    public mutating func u8(_ what: String) throws(FileError) -> UInt8 {
        UInt8(try unsigned(1, what))
    }
    public mutating func u16(_ what: String) throws(FileError) -> UInt16 {
        UInt16(try unsigned(2, what))
    }
    public mutating func u32(_ what: String) throws(FileError) -> UInt32 {
        UInt32(try unsigned(4, what))
    }
    public mutating func u64(_ what: String) throws(FileError) -> UInt64 { try unsigned(8, what) }

    /// A count or length that must fit in an Int.
    public mutating func length(_ what: String) throws(FileError) -> Int {
        let value = try u64(what)
        guard let length = Int(exactly: value) else {
            throw FileError(path, "\(what) is \(value), which is absurd")
        }
        return length
    }

    private mutating func unsigned(_ size: Int, _ what: String) throws(FileError) -> UInt64 {
        try take(size, what).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
