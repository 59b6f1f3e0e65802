/// The element types of tensors. Arithmetic is done in f32 or wider; bf16 and f16 are storage.
public enum DType: Int32, Sendable, CaseIterable {
    case f32, bf16, f16, i32, i8, u8, bool

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .f32, .i32: 4
        case .bf16, .f16: 2
        case .i8, .u8, .bool: 1
        }
    }

    public var isFloat: Bool { rawValue <= DType.f16.rawValue }
}

extension DType: CustomStringConvertible {
    public var description: String {
        switch self {
        case .f32: "f32"
        case .bf16: "bf16"
        case .f16: "f16"
        case .i32: "i32"
        case .i8: "i8"
        case .u8: "u8"
        case .bool: "bool"
        }
    }

    /// The type with this name, as in "bf16".
    public init?(_ name: String) {
        guard let found = DType.allCases.first(where: { $0.description == name }) else {
            return nil
        }
        self = found
    }
}

/// A Swift type that is stored in tensors as it is.
public protocol TensorScalar: Sendable {
    static var dtype: DType { get }
}

extension Float: TensorScalar { public static var dtype: DType { .f32 } }
extension Int32: TensorScalar { public static var dtype: DType { .i32 } }
extension Int8: TensorScalar { public static var dtype: DType { .i8 } }
extension UInt8: TensorScalar { public static var dtype: DType { .u8 } }
extension Bool: TensorScalar { public static var dtype: DType { .bool } }
