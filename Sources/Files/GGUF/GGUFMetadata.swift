/// The metadata of a GGUF file: values by key.
public struct GGUFMetadata: Sendable, Equatable {
    /// The format's version, 2 or 3.
    public let version: Int
    public let tensorCount: Int
    /// Keys in the order of the file.
    public private(set) var keys: [String] = []
    private var values: [String: GGUFValue] = [:]

    /// For a file to be written.
    public init() { (version, tensorCount) = (3, 0) }

    /// A value by its key; new keys come last.
    public subscript(_ key: String) -> GGUFValue? {
        get { values[key] }
        set {
            if values[key] == nil && newValue != nil { keys.append(key) }
            if newValue == nil { keys.removeAll { $0 == key } }
            values[key] = newValue
        }
    }

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
        // A tensor takes 25 bytes at least, an entry 13.
        guard tensorCount <= reader.remaining / 25, count <= reader.remaining / 13 else {
            throw FileError(
                path, "\(tensorCount) tensors and \(count) metadata entries do not fit in the file")
        }
        var decoder = GGUFValueDecoder(path: path)
        for _ in 0..<count {
            let key = try decoder.text(&reader, "a key")
            guard (1...65535).contains(key.count), let name = String(validating: key, as: UTF8.self)
            else { throw FileError(path, "a metadata key is empty, too long or no text") }
            guard values[name] == nil else { throw FileError(path, "\(name.quoted) stands twice") }
            decoder.key = name.quoted
            values[name] = try decoder.value(&reader, try decoder.type(&reader), depth: 0)
            keys.append(name)
        }
    }
}

/// Reads the values of one file's metadata.
private struct GGUFValueDecoder {
    let path: String
    /// Of the value that is read, for messages.
    var key = ""
    /// How many more elements the arrays may have together. Real vocabularies have less than a million.
    private var elementsLeft = 1 << 24

    private static let deepest = 2

    init(path: String) { self.path = path }

    func text(_ reader: inout ByteReader, _ what: String) throws(FileError) -> [UInt8] {
        try reader.bytes(try reader.length("the length of \(what)"), what)
    }

    func type(_ reader: inout ByteReader) throws(FileError) -> GGUFValueType {
        let number = try reader.u32("the type of \(key)")
        guard let type = GGUFValueType(rawValue: number) else {
            throw FileError(path, "\(key) is of type \(number), which is not known")
        }
        return type
    }

    mutating func value(_ reader: inout ByteReader, _ type: GGUFValueType, depth: Int)
        throws(FileError) -> GGUFValue
    {
        switch type {
        case .uint8: return .uint8(try reader.u8(key))
        case .int8: return .int8(Int8(bitPattern: try reader.u8(key)))
        case .uint16: return .uint16(try reader.u16(key))
        case .int16: return .int16(Int16(bitPattern: try reader.u16(key)))
        case .uint32: return .uint32(try reader.u32(key))
        case .int32: return .int32(Int32(bitPattern: try reader.u32(key)))
        case .float32: return .float32(Float(bitPattern: try reader.u32(key)))
        case .bool:
            let byte = try reader.u8(key)
            guard byte < 2 else {
                throw FileError(path, "\(key) is \(byte), neither true nor false")
            }
            return .bool(byte == 1)
        case .string: return .string(try text(&reader, key))
        case .array: return try array(&reader, depth)
        case .uint64: return .uint64(try reader.u64(key))
        case .int64: return .int64(Int64(bitPattern: try reader.u64(key)))
        case .float64: return .float64(Double(bitPattern: try reader.u64(key)))
        }
    }

    private mutating func array(_ reader: inout ByteReader, _ depth: Int) throws(FileError)
        -> GGUFValue
    {
        let type = try type(&reader)
        let count = try reader.length("the length of \(key)")
        guard count <= reader.remaining / type.leastBytes, depth < GGUFValueDecoder.deepest else {
            throw FileError(path, "\(key): \(count) elements do not fit in the file")
        }
        guard count <= elementsLeft else {
            throw FileError(path, "\(key): \(count) elements are more than any model needs")
        }
        elementsLeft -= count
        var items: [GGUFValue] = []
        items.reserveCapacity(count)
        for _ in 0..<count { items.append(try value(&reader, type, depth: depth + 1)) }
        return .array(of: type, items)
    }
}

extension String {
    /// For messages: a file's own text without line ends and control codes, cut where it is long.
    package var quoted: String {
        let shown = unicodeScalars.prefix(80).map { scalar in
            scalar.value < 32 || scalar.value == 127 ? "?" : Character(scalar)
        }
        return String(shown) + (unicodeScalars.count > 80 ? "…" : "")
    }
}
