/// Reads little-endian numbers and byte runs from memory that is not to be trusted: every read is checked against the
/// end, and nothing here can overflow or trap.
public struct ByteReader {
    private enum Source {
        case array([UInt8])
        case mapping(FileMapping)
    }

    private let source: Source
    private let count: Int
    public private(set) var position: Int
    private let path: String

    public init(_ bytes: [UInt8], path: String, at position: Int = 0) {
        (source, count) = (.array(bytes), bytes.count)
        (self.path, self.position) = (path, Swift.max(0, position))
    }

    public init(_ file: FileMapping) {
        (source, count, path, position) = (.mapping(file), file.count, file.path, 0)
    }

    public var remaining: Int { Swift.max(0, count - position) }

    /// The next `count` bytes.
    public mutating func take(
        _ count: Int, _ what: @autoclosure () -> String
    ) throws(FileError) -> ArraySlice<UInt8> {
        let range = try advance(count, what)
        switch source {
        case .array(let bytes): return bytes[range]
        case .mapping(let file): return file.bytes(range)[...]
        }
    }

    /// As above, in an array of their own.
    public mutating func bytes(
        _ count: Int, _ what: @autoclosure () -> String
    ) throws(FileError) -> [UInt8] {
        let range = try advance(count, what)
        switch source {
        case .array(let bytes): return Array(bytes[range])
        case .mapping(let file): return file.bytes(range)
        }
    }

    public mutating func u8(_ what: @autoclosure () -> String) throws(FileError) -> UInt8 {
        UInt8(truncatingIfNeeded: try unsigned(1, what))
    }
    public mutating func u16(_ what: @autoclosure () -> String) throws(FileError) -> UInt16 {
        UInt16(truncatingIfNeeded: try unsigned(2, what))
    }
    public mutating func u32(_ what: @autoclosure () -> String) throws(FileError) -> UInt32 {
        UInt32(truncatingIfNeeded: try unsigned(4, what))
    }
    public mutating func u64(_ what: @autoclosure () -> String) throws(FileError) -> UInt64 {
        try unsigned(8, what)
    }

    /// A count or length that must fit in an Int.
    public mutating func length(_ what: @autoclosure () -> String) throws(FileError) -> Int {
        let value = try unsigned(8, what)
        guard let length = Int(exactly: value) else {
            throw FileError(path, "\(what()) is \(value), which is absurd")
        }
        return length
    }

    private mutating func unsigned(_ size: Int, _ what: () -> String) throws(FileError) -> UInt64 {
        let range = try advance(size, what)
        switch source {
        case .array(let bytes): return range.reversed().reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
        case .mapping(let file):
            return file.withBytes(range) { $0.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        }
    }

    /// The range of the next bytes, which are behind the reader then.
    private mutating func advance(_ count: Int, _ what: () -> String) throws(FileError)
        -> Range<Int>
    {
        guard count >= 0, count <= remaining else {
            throw FileError(
                path,
                "ends inside \(what()): \(count) bytes wanted at byte \(position), \(remaining) left"
            )
        }
        defer { position += count }
        return position..<position + count
    }
}
