/// Where and how a GGUF file holds a tensor.
public struct GGUFTensor: Sendable, Equatable {
    public let name: String
    public let type: GGUFType
    /// As tensors have it, the rows' length last: the file's dimensions the other way round.
    public let shape: [Int]
    /// Where its bytes begin, counted from the beginning of the file.
    public internal(set) var offset: Int
    public let byteCount: Int

    /// The number of values.
    public var count: Int { shape.reduce(1, *) }
    var range: Range<Int> { offset..<offset + byteCount }

    /// A tensor in a file to be written.
    ///
    /// - Throws: if rows of this length cannot be stored in this type, or there are more than the file can name.
    public init(name: String, type: GGUFType, shape: [Int], path: String) throws(FileError) {
        guard (1...GGUFTensor.longestName).contains(name.utf8.count) else {
            throw FileError(path, "a tensor's name is empty or too long: \(name.quoted)")
        }
        guard shape.count <= 4 else {
            throw FileError(path, "tensor \(name.quoted): \(shape.count) dimensions, more than 4")
        }
        (self.name, self.type, self.shape, offset) = (name, type, shape, 0)
        guard let bytes = GGUFTensor.byteCount(type, shape) else {
            throw FileError(
                path, "tensor \(name.quoted): \(type.name) cannot have the shape \(shape)")
        }
        byteCount = bytes
    }

    /// What llama.cpp takes: 63 bytes. Files of other programs have longer ones.
    private static let longestName = 255

    /// The bytes of a tensor; nil if its rows are no whole number of blocks, or it is too big to count.
    private static func byteCount(_ type: GGUFType, _ shape: [Int]) -> Int? {
        let columns = shape.last ?? 1
        guard shape.allSatisfy({ $0 >= 0 }), columns % type.block.values == 0 else { return nil }
        guard [Int].product(shape) != nil else { return nil }
        return [Int].product(
            shape.dropLast() + [columns / type.block.values, type.block.bytes])
    }

    /// Reads one entry of a file's list; its offset counts from the beginning of the data.
    init(reading reader: inout ByteReader, path: String) throws(FileError) {
        let text = try reader.bytes(try reader.length("the length of a name"), "a tensor's name")
        guard let name = String(validating: text, as: UTF8.self) else {
            throw FileError(path, "a tensor's name is no text")
        }
        let rank = try reader.u32("the rank of \(name.quoted)")
        guard rank <= 4 else {
            throw FileError(path, "tensor \(name.quoted): \(rank) dimensions, more than 4")
        }
        var shape: [Int] = []
        for _ in 0..<rank { shape.append(try reader.length("the shape of \(name.quoted)")) }
        let number = try reader.u32("the type of \(name.quoted)")
        guard let type = GGUFType(rawValue: number) else {
            throw FileError(path, "tensor \(name.quoted): type \(number) is not known")
        }
        try self.init(name: name, type: type, shape: shape.reversed(), path: path)
        offset = try reader.length("the offset of \(name.quoted)")
    }
}

extension [Int] {
    /// The product of lengths; nil if it is no Int, or would be none but for lengths of 0: strides must be countable too.
    static func product(_ lengths: [Int]) -> Int? {
        var bound = 1
        for length in lengths {
            let (product, overflows) = bound.multipliedReportingOverflow(by: Swift.max(1, length))
            if overflows || length < 0 { return nil }
            bound = product
        }
        return lengths.contains(0) ? 0 : bound
    }
}
