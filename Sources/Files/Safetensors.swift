public import Tensors

/// A safetensors file: named tensors behind a JSON header.
///
/// Layout: u64 header length, header, data. The header maps each name to dtype, shape and the byte range of its data.
public struct SafetensorsFile: Sendable {
    public struct Entry: Sendable, Equatable {
        public let name: String
        /// As the file spells it: "F32", "BF16", "I64", ….
        public let type: String
        public let shape: [Int]
        /// Of its data, counted from the end of the header.
        public let range: Range<Int>
    }

    public let entries: [Entry]
    /// The header's `__metadata__`.
    public let metadata: [String: String]
    private let file: FileMapping
    /// Where the data begin in the file.
    private let start: Int
    private let index: [String: Int]

    /// The largest header that is read, as the reference readers have it.
    private static let longestHeader = 100_000_000

    public var path: String { file.path }

    /// Maps a file; its tensors are read when they are asked for.
    public init(path: String) throws(FileError) { try self.init(FileMapping(path: path)) }

    /// A whole file in memory.
    public init(_ bytes: [UInt8], path: String) throws(FileError) {
        try self.init(FileMapping(bytes, path: path))
    }

    private init(_ file: FileMapping) throws(FileError) {
        let path = file.path
        self.file = file
        var reader = ByteReader(file)
        let length = try reader.length("the header's length")
        guard length <= SafetensorsFile.longestHeader else {
            throw FileError(path, "is no safetensors file: its header claims \(length) bytes")
        }
        let header = try JSON(parsing: reader.bytes(length, "the header"), path: path)
        guard let members = header.members else {
            throw FileError(path, "its header is no JSON object")
        }
        start = reader.position
        metadata = try SafetensorsFile.metadata(of: members, path)
        var entries: [Entry] = []
        for member in members where member.key != "__metadata__" {
            entries.append(try SafetensorsFile.entry(member, path, dataBytes: reader.remaining))
        }
        self.entries = entries
        index = Dictionary(
            entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        try checkCoverage(reader.remaining)
    }

    private static func metadata(of members: [JSON.Member], _ path: String) throws(FileError)
        -> [String: String]
    {
        var found: [String: String] = [:]
        guard let list = members.last(where: { $0.key == "__metadata__" })?.value else {
            return [:]
        }
        guard let pairs = list.members else { throw FileError(path, "__metadata__ is no object") }
        for pair in pairs {
            guard let text = pair.value.string else {
                throw FileError(path, "__metadata__.\(pair.key) is no string")
            }
            found[pair.key] = text
        }
        return found
    }

    private static func entry(_ member: JSON.Member, _ path: String, dataBytes: Int)
        throws(FileError) -> Entry
    {
        let name = member.key
        guard let type = member.value["dtype"]?.string, let shape = member.value["shape"]?.ints,
            let offsets = member.value["data_offsets"]?.ints, offsets.count == 2
        else {
            throw FileError(
                path, "tensor \(name): dtype, shape or data_offsets is missing or malformed")
        }
        guard let size = sizes[type] else {
            throw FileError(path, "tensor \(name): unknown dtype \(type)")
        }
        guard let bytes = [Int].product(shape + [size]) else {
            throw FileError(path, "tensor \(name): absurd shape \(shape)")
        }
        guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] <= dataBytes,
            offsets[1] - offsets[0] == bytes
        else {
            throw FileError(
                path,
                "tensor \(name): bytes \(offsets[0]) to \(offsets[1]) of \(dataBytes) do not hold \(shape) of \(type)"
            )
        }
        return Entry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
    }

    /// The tensors must tile the data: no overlaps, no holes, no name twice.
    private func checkCoverage(_ count: Int) throws(FileError) {
        guard index.count == entries.count else {
            throw FileError(path, "a tensor's name stands twice in the header")
        }
        var end = 0
        for entry in entries.sorted(by: {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }) {
            guard entry.range.lowerBound == end else {
                throw FileError(
                    path,
                    "tensor \(entry.name): its data begin at \(entry.range.lowerBound), not at \(end)"
                )
            }
            end = entry.range.upperBound
        }
        guard end == count else {
            throw FileError(path, "\(count - end) bytes belong to no tensor")
        }
    }

    private static let sizes = [
        "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8,
        "U32": 4, "U16": 2,
        "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
    ]

    public func contains(_ name: String) -> Bool { index[name] != nil }

    /// A tensor by its name. Numbers of types that tensors do not have come as f32 or i32.
    public func tensor(_ name: String, on device: Device = .default) throws(FileError) -> Tensor {
        guard let place = index[name] else { throw FileError(path, "has no tensor \(name)") }
        let entry = entries[place]
        let range = start + entry.range.lowerBound..<start + entry.range.upperBound
        if let dtype = SafetensorsFile.types[entry.type], dtype != .bool {
            return try file.tensor(range, entry.shape, dtype, on: device)
        }
        guard let type = SafetensorsFile.converted[entry.type] else {
            throw FileError(path, "tensor \(name): \(entry.type) is not supported")
        }
        return try file.tensor(range, entry.shape, type, on: device)
    }

    /// Types that tensors do not have: f64 becomes f32, wider integers i32 if they fit.
    private static let converted: [String: ElementType] = [
        "F64": .f64, "I64": .i64, "I16": .i16, "U64": .u64, "U32": .u32, "U16": .u16, "BOOL": .bool,
    ]

    static let types: [String: DType] = [
        "F32": .f32, "F16": .f16, "BF16": .bf16, "I32": .i32, "I8": .i8, "U8": .u8, "BOOL": .bool,
    ]
}
