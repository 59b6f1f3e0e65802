public import Tensors

/// An IDX file, the format of MNIST: two zero bytes, a type, the number of axes, their lengths and the elements, all
/// big-endian. Gzipped files are unpacked.
public struct IDXFile: Sendable {
    public let path: String
    public let shape: [Int]
    private let type: ElementType
    private let data: ArraySlice<UInt8>

    public init(path: String) throws(FileError) {
        try self.init(readUnpacked(path), path: path)
    }

    public init(_ bytes: [UInt8], path: String) throws(FileError) {
        self.path = path
        var reader = ByteReader(bytes, path: path)
        let head = Array(try reader.take(4, "the header"))
        guard head[0] == 0, head[1] == 0, let type = IDXFile.types[head[2]] else {
            throw FileError(path, "is no IDX file")
        }
        var shape: [Int] = []
        for _ in 0..<head[3] {
            let length = try reader.take(4, "the shape").reduce(0) { $0 << 8 | Int($1) }
            shape.append(length)
        }
        let count = try elementCount(shape, type.size, path)
        guard reader.remaining == count else {
            throw FileError(
                path, "\(shape) of \(type.size) bytes each, but \(reader.remaining) bytes follow")
        }
        (self.shape, self.type) = (shape, type)
        data = try reader.take(count, "the elements")
    }

    private static let types: [UInt8: ElementType] = [
        0x08: .u8, 0x09: .i8, 0x0b: .i16, 0x0c: .i32, 0x0d: .f32, 0x0e: .f64,
    ]

    /// u8, i8, i32 and f32 as they are, i16 as i32, f64 as f32.
    public func tensor(on device: Device = .default) throws(FileError) -> Tensor {
        try type.tensor(data, shape, isBigEndian: true, path, device)
    }
}

/// Bytes of a shape, checked against overflow and absurdity.
func elementCount(_ shape: [Int], _ size: Int, _ path: String) throws(FileError) -> Int {
    var bytes = size
    for length in shape {
        let (product, overflows) = bytes.multipliedReportingOverflow(by: length)
        guard length >= 0, !overflows else { throw FileError(path, "absurd shape \(shape)") }
        bytes = product
    }
    return bytes
}
