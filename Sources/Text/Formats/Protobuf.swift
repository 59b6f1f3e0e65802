import Files

/// Reads the fields of a protocol-buffer message; each is checked against the end.
struct Protobuf {
    enum Value {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed32(UInt32)
        case fixed64(UInt64)
    }

    private var reader: ByteReader
    private let path: String

    init(_ bytes: some Sequence<UInt8>, path: String) {
        (reader, self.path) = (ByteReader(Array(bytes), path: path), path)
    }

    /// The next field's number and value; nil at the end.
    mutating func next() throws(FileError) -> (number: Int, value: Value)? {
        guard reader.remaining > 0 else { return nil }
        let tag = try varint()
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else {
            throw FileError(
                path, "a field numbered \(tag >> 3): this is no protocol-buffer message")
        }
        let number = Int(tag >> 3)
        switch tag & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try reader.u64("field \(number)")))
        case 2:
            guard let count = Int(exactly: try varint()) else {
                throw FileError(path, "field \(number) is absurdly long")
            }
            return (number, .bytes(try reader.take(count, "field \(number)")))
        case 5: return (number, .fixed32(try reader.u32("field \(number)")))
        default:
            throw FileError(path, "field \(number) has wire type \(tag & 7), which is not known")
        }
    }

    private mutating func varint() throws(FileError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try reader.u8("a number")
            value |= shift < 64 ? UInt64(byte & 0x7f) << shift : 0
            if byte < 0x80 { return value }
        }
        throw FileError(path, "a number of more than ten bytes")
    }
}

extension Protobuf.Value {
    var bytes: [UInt8]? { if case .bytes(let value) = self { Array(value) } else { nil } }
    var bool: Bool? { if case .varint(let value) = self { value != 0 } else { nil } }
    var int: Int? {
        if case .varint(let value) = self { Int(Int32(truncatingIfNeeded: value)) } else { nil }
    }
    var float: Float? {
        if case .fixed32(let value) = self { Float(bitPattern: value) } else { nil }
    }
}
