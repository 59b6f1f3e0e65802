public import Tensors

/// An array in NumPy's .npy format: magic, version, the length of a header in Python's notation, and the elements.
///
///     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
public struct NumPyFile: Sendable {
    public let path: String
    public let shape: [Int]
    private let type: ElementType
    private let isBigEndian: Bool
    /// Whether the first axis runs fastest.
    private let isColumnMajor: Bool
    private let data: ArraySlice<UInt8>

    public init(path: String) throws(FileError) { try self.init(readFile(path), path: path) }

    public init(_ bytes: [UInt8], path: String) throws(FileError) {
        self.path = path
        var reader = ByteReader(bytes, path: path)
        let magic = Array(try reader.take(8, "the magic bytes"))
        guard magic.starts(with: NumPyFile.magic), (1...3).contains(magic[6]) else {
            throw FileError(path, "is no .npy file of version 1 to 3")
        }
        let length =
            magic[6] == 1
            ? Int(try reader.u16("the header's length"))
            : Int(try reader.u32("the header's length"))
        let text = try reader.take(length, "the header")
        var header = PythonHeader(String(decoding: text, as: UTF8.self), path: path)
        try header.parse()
        guard let order = header.type.first, "<>|=".contains(order),
            let type = ElementType(rawValue: String(header.type.dropFirst()))
        else { throw FileError(path, "elements of type \(header.type) are not supported") }
        let count = try elementCount(header.shape, type.size, path)
        guard reader.remaining >= count else {
            throw FileError(
                path, "\(header.shape) needs \(count) bytes, but \(reader.remaining) follow")
        }
        (self.type, isBigEndian) = (type, order == ">")
        (shape, isColumnMajor) = (header.shape, header.isColumnMajor)
        data = try reader.take(count, "the elements")
    }

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// bool, i8, u8, i32, f16 and f32 as they are, other integers as i32 if they fit, f64 as f32.
    public func tensor(on device: Device = .default) throws(FileError) -> Tensor {
        let stored = isColumnMajor ? shape.reversed() : shape
        let tensor = try type.tensor(data, stored, isBigEndian: isBigEndian, path, device)
        guard isColumnMajor, shape.count > 1 else { return tensor }
        return tensor.permuted(shape.indices.reversed()).contiguous()
    }
}

/// The dictionary in front of an array: three known keys, in any order.
private struct PythonHeader {
    private let text: [Character]
    private var position = 0
    private let path: String
    var type = ""
    var isColumnMajor = false
    var shape: [Int] = []

    init(_ text: String, path: String) { (self.text, self.path) = (Array(text), path) }

    private var failure: FileError { FileError(path, "its header is malformed at \(position)") }

    private mutating func skipBlanks() {
        while position < text.count, text[position].isWhitespace { position += 1 }
    }

    /// Whether this stands next; then it is passed.
    private mutating func passes(_ word: String) -> Bool {
        skipBlanks()
        let end = position + word.count
        guard end <= text.count, text[position..<end].elementsEqual(word) else { return false }
        position = end
        return true
    }

    private mutating func expect(_ word: String) throws(FileError) {
        if !passes(word) { throw failure }
    }

    mutating func parse() throws(FileError) {
        try expect("{")
        var keys: Set<String> = []
        while !passes("}") {
            let key = try string()
            try expect(":")
            switch key {
            case "descr": type = try string()
            case "fortran_order": isColumnMajor = try truth()
            case "shape": shape = try tuple()
            default: throw failure
            }
            guard keys.insert(key).inserted else { throw failure }
            if !passes(",") {
                try expect("}")
                break
            }
        }
        guard keys.count == 3 else { throw failure }
    }

    private mutating func string() throws(FileError) -> String {
        skipBlanks()
        guard position < text.count, text[position] == "'" || text[position] == "\"" else {
            throw failure
        }
        let start = position + 1
        guard let end = text[start...].firstIndex(of: text[position]) else { throw failure }
        position = end + 1
        return String(text[start..<end])
    }

    private mutating func truth() throws(FileError) -> Bool {
        if passes("True") { return true }
        try expect("False")
        return false
    }

    private mutating func tuple() throws(FileError) -> [Int] {
        try expect("(")
        var lengths: [Int] = []
        while !passes(")") {
            skipBlanks()
            let digits = text[position...].prefix { $0.isASCII && $0.isNumber }
            guard let length = Int(String(digits)), lengths.count < 64 else { throw failure }
            position += digits.count
            lengths.append(length)
            if !passes(",") {
                try expect(")")
                break
            }
        }
        return lengths
    }
}

/// The bytes of a .npy file.
///
/// - Parameter tensor: bf16 is written as f32, as NumPy has no such type.
public func npy(_ tensor: Tensor) -> [UInt8] {
    let tensor = ElementType(tensor.dtype) == nil ? tensor.cast(to: .f32) : tensor
    let type = ElementType(tensor.dtype) ?? .f32
    let order = type.size == 1 ? "|" : "<"
    let lengths = tensor.shape.map { "\($0)" }.joined(separator: ", ")
    let shape = tensor.rank == 1 ? "\(lengths)," : lengths
    var header =
        "{'descr': '\(order)\(type.rawValue)', 'fortran_order': False, 'shape': (\(shape)), }"
    // Magic, version, length and header together are a multiple of 64, and the header ends in a line feed.
    let blanks = 63 - (10 + header.utf8.count) % 64
    header += String(repeating: " ", count: blanks) + "\n"
    let length = header.utf8.count
    let version: [UInt8] = [1, 0, UInt8(length & 0xff), UInt8(length >> 8)]
    return NumPyFile.magic + version + Array(header.utf8) + tensor.bytes()
}

/// Writes a tensor as a .npy file, whole or not at all.
public func writeNumPy(_ tensor: Tensor, to path: String) throws(FileError) {
    try writeFile(path, [npy(tensor)])
}
