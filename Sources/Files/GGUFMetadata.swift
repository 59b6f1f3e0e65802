/// A value in the metadata of a GGUF file.
public enum GGUFValue: Sendable, Equatable {
    case integer(Int64)
    /// Whole numbers beyond those.
    case unsigned(UInt64)
    case float(Double)
    case bool(Bool)
    /// Text, which a file may well break.
    case string([UInt8])
    case array([GGUFValue])
}

extension GGUFValue {
    public var int: Int? {
        switch self {
        case .integer(let value): Int(value)
        case .unsigned(let value): Int(exactly: value)
        default: nil
        }
    }

    public var double: Double? {
        switch self {
        case .float(let value): value
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        default: nil
        }
    }

    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var bytes: [UInt8]? { if case .string(let value) = self { value } else { nil } }
    public var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    public var array: [GGUFValue]? { if case .array(let value) = self { value } else { nil } }
}

/// The metadata of a GGUF file: values by key.
public struct GGUFMetadata: Sendable, Equatable {
    /// The format's version, 2 or 3.
    public let version: Int
    public let tensorCount: Int
    /// Keys in the order of the file.
    public private(set) var keys: [String] = []
    private var values: [String: GGUFValue] = [:]

    public subscript(_ key: String) -> GGUFValue? { values[key] }

    /// The metadata of a whole file.
    public init(file bytes: [UInt8], path: String) throws(FileError) {
        var reader = ByteReader(bytes, path: path)
        try self.init(reading: &reader, path: path)
    }

    /// Reads from the beginning of a file to the end of its metadata.
    public init(reading reader: inout ByteReader, path: String) throws(FileError) {
        guard try reader.take(4, "the magic number").elementsEqual("GGUF".utf8) else {
            throw FileError(path, "is no GGUF file")
        }
        version = Int(try reader.u32("the version"))
        guard version == 2 || version == 3 else {
            let isSwapped = version != 0 && version & 0xffff == 0
            throw FileError(
                path,
                isSwapped
                    ? "is a big-endian GGUF file"
                    : "GGUF version \(version) is not known (2 and 3 are)")
        }
        tensorCount = try reader.length("the number of tensors")
        let count = try reader.length("the number of metadata entries")
        // A tensor takes 32 bytes at least, an entry 13.
        guard tensorCount <= reader.remaining / 32, count <= reader.remaining / 13 else {
            throw FileError(
                path, "\(tensorCount) tensors and \(count) metadata entries do not fit in the file")
        }
        for _ in 0..<count {
            let key = try GGUFMetadata.text(&reader, path, "a key")
            guard (1...65535).contains(key.count), let name = String(validating: key, as: UTF8.self)
            else { throw FileError(path, "a metadata key is empty, too long or no text") }
            guard values[name] == nil else { throw FileError(path, "\(name) stands twice") }
            let type = try reader.u32("the type of \(name)")
            values[name] = try GGUFMetadata.value(&reader, type, path, name, depth: 0)
            keys.append(name)
        }
    }

    private static func text(_ reader: inout ByteReader, _ path: String, _ what: String)
        throws(FileError) -> [UInt8]
    {
        Array(try reader.take(try reader.length("the length of \(what)"), what))
    }

    private static func value(
        _ reader: inout ByteReader, _ type: UInt32, _ path: String, _ name: String, depth: Int
    ) throws(FileError) -> GGUFValue {
        switch type {
        case 0: return .integer(Int64(try reader.u8(name)))
        case 1: return .integer(Int64(Int8(bitPattern: try reader.u8(name))))
        case 2: return .integer(Int64(try reader.u16(name)))
        case 3: return .integer(Int64(Int16(bitPattern: try reader.u16(name))))
        case 4: return .integer(Int64(try reader.u32(name)))
        case 5: return .integer(Int64(Int32(bitPattern: try reader.u32(name))))
        case 6: return .float(Double(Float(bitPattern: try reader.u32(name))))
        case 7:
            let byte = try reader.u8(name)
            guard byte < 2 else {
                throw FileError(path, "\(name) is \(byte), neither true nor false")
            }
            return .bool(byte == 1)
        case 8: return .string(try text(&reader, path, name))
        case 9: return try array(&reader, path, name, depth)
        case 10:
            let value = try reader.u64(name)
            return Int64(exactly: value).map { .integer($0) } ?? .unsigned(value)
        case 11: return .integer(Int64(bitPattern: try reader.u64(name)))
        case 12: return .float(Double(bitPattern: try reader.u64(name)))
        default: throw FileError(path, "\(name) is of type \(type), which is not known")
        }
    }

    /// The fewest bytes of each type.
    private static let sizes: [Int] = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8]
    private static let deepest = 2

    private static func array(
        _ reader: inout ByteReader, _ path: String, _ name: String, _ depth: Int
    ) throws(FileError) -> GGUFValue {
        let type = try reader.u32("the type in \(name)")
        let count = try reader.length("the length of \(name)")
        guard type < sizes.count else {
            throw FileError(path, "\(name) holds type \(type), which is not known")
        }
        guard count <= reader.remaining / sizes[Int(type)], depth < deepest else {
            throw FileError(path, "\(name): \(count) elements do not fit in the file")
        }
        var items: [GGUFValue] = []
        items.reserveCapacity(count)
        for _ in 0..<count { items.append(try value(&reader, type, path, name, depth: depth + 1)) }
        return .array(items)
    }
}
