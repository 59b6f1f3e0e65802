/// The types of values in a GGUF file's metadata; raw values are the file's.
public enum GGUFValueType: UInt32, Sendable, CaseIterable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array
    case uint64, int64, float64

    /// The fewest bytes that one takes.
    var leastBytes: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .string, .uint64, .int64, .float64: 8
        case .array: 12
        }
    }
}

/// A value in the metadata of a GGUF file.
public enum GGUFValue: Sendable, Equatable {
    case uint8(UInt8), int8(Int8), uint16(UInt16), int16(Int16), uint32(UInt32), int32(Int32)
    case uint64(UInt64), int64(Int64)
    case float32(Float), float64(Double)
    case bool(Bool)
    /// Text, which a file may well break.
    case string([UInt8])
    indirect case array(of: GGUFValueType, [GGUFValue])
}

extension GGUFValue {
    public var type: GGUFValueType {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .uint64: .uint64
        case .int64: .int64
        case .float32: .float32
        case .float64: .float64
        case .bool: .bool
        case .string: .string
        case .array: .array
        }
    }

    /// A whole number that fits in an Int.
    public var int: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(exactly: value)
        default: nil
        }
    }

    /// Any number.
    public var double: Double? {
        switch self {
        case .float32(let value): Double(value)
        case .float64(let value): value
        case .uint64(let value): Double(value)
        default: int.map(Double.init)
        }
    }

    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var bytes: [UInt8]? { if case .string(let value) = self { value } else { nil } }
    public var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    public var array: [GGUFValue]? { if case .array(_, let items) = self { items } else { nil } }
}

extension GGUFValue {
    public static func text(_ text: String) -> GGUFValue { .string(Array(text.utf8)) }
    public static func texts(_ list: [String]) -> GGUFValue {
        .array(of: .string, list.map { text($0) })
    }
    public static func floats(_ list: [Float]) -> GGUFValue {
        .array(of: .float32, list.map { .float32($0) })
    }
    public static func integers(_ list: [Int32]) -> GGUFValue {
        .array(of: .int32, list.map { .int32($0) })
    }
}
