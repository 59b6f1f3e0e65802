import Tensors

/// How the numbers of an array lie in a file.
enum ElementType: String, CaseIterable {
    case bool = "b1"
    case u8 = "u1"
    case u16 = "u2"
    case u32 = "u4"
    case u64 = "u8"
    case i8 = "i1"
    case i16 = "i2"
    case i32 = "i4"
    case i64 = "i8"
    case f16 = "f2"
    case f32 = "f4"
    case f64 = "f8"

    var size: Int {
        switch self {
        case .bool, .u8, .i8: 1
        case .u16, .i16, .f16: 2
        case .u32, .i32, .f32: 4
        case .u64, .i64, .f64: 8
        }
    }

    /// The tensor type that holds these numbers as they are; nil where they are converted.
    var dtype: DType? {
        switch self {
        case .bool: .bool
        case .u8: .u8
        case .i8: .i8
        case .i32: .i32
        case .f16: .f16
        case .f32: .f32
        default: nil
        }
    }

    init?(_ dtype: DType) {
        guard let found = ElementType.allCases.first(where: { $0.dtype == dtype }) else {
            return nil
        }
        self = found
    }

    /// The elements as a tensor: wider integers as i32 if they fit, f64 as f32.
    ///
    /// - Parameter data: as many bytes as the shape needs.
    func tensor(
        _ data: ArraySlice<UInt8>, _ shape: [Int], isBigEndian: Bool, _ path: String,
        _ device: Device
    ) throws(FileError) -> Tensor {
        let bytes = isBigEndian && size > 1 ? swapped(data) : Array(data)
        if let dtype {
            let isClean = self != .bool || bytes.allSatisfy { $0 <= 1 }
            let clean = isClean ? bytes : bytes.map { $0 == 0 ? 0 : 1 }
            return Tensor(bytes: clean, shape: shape, dtype: dtype, on: device)
        }
        if self == .f64 {
            let values = words(bytes).map { Float(Double(bitPattern: $0)) }
            return Tensor(values, shape: shape, on: device)
        }
        var values: [Int32] = []
        values.reserveCapacity(bytes.count / size)
        for word in words(bytes) {
            guard let value = whole(word) else {
                throw FileError(path, "holds a number that does not fit into 32 bits: \(word)")
            }
            values.append(value)
        }
        return Tensor(values, shape: shape, on: device)
    }

    private func swapped(_ data: ArraySlice<UInt8>) -> [UInt8] {
        var bytes = Array(data)
        for start in stride(from: 0, to: bytes.count, by: size) {
            bytes[start..<start + size].reverse()
        }
        return bytes
    }

    /// The bits of each little-endian element.
    private func words(_ bytes: [UInt8]) -> [UInt64] {
        stride(from: 0, to: bytes.count, by: size).map { start in
            bytes[start..<start + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private func whole(_ word: UInt64) -> Int32? {
        switch self {
        case .i16: Int32(Int16(truncatingIfNeeded: word))
        case .i64: Int32(exactly: Int64(bitPattern: word))
        default: Int32(exactly: word)
        }
    }
}
