public import Tensors

/// How a GGUF file stores a tensor's values; raw values are the file's.
public enum GGUFType: UInt32, Sendable, CaseIterable {
    case f32 = 0, f16 = 1
    case q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8, q8_1 = 9
    case q2_K = 10, q3_K = 11, q4_K = 12, q5_K = 13, q6_K = 14, q8_K = 15
    case iq2_XXS = 16, iq2_XS = 17, iq3_XXS = 18, iq1_S = 19, iq4_NL = 20, iq3_S = 21
    case iq2_S = 22, iq4_XS = 23
    case i8 = 24, i16 = 25, i32 = 26, i64 = 27, f64 = 28
    case iq1_M = 29, bf16 = 30
    case tq1_0 = 34, tq2_0 = 35, mxfp4 = 39, nvfp4 = 40, q1_0 = 41

    /// Values in a block, and the bytes that hold them.
    public var block: (values: Int, bytes: Int) {
        switch self {
        case .f32, .i32: (1, 4)
        case .f16, .bf16, .i16: (1, 2)
        case .i8: (1, 1)
        case .i64, .f64: (1, 8)
        case .q4_0, .iq4_NL: (32, 18)
        case .q4_1: (32, 20)
        case .q5_0: (32, 22)
        case .q5_1: (32, 24)
        case .q8_0: (32, 34)
        case .q8_1: (32, 36)
        case .q2_K: (256, 84)
        case .q3_K, .iq3_S: (256, 110)
        case .q4_K: (256, 144)
        case .q5_K: (256, 176)
        case .q6_K: (256, 210)
        case .q8_K: (256, 292)
        case .iq2_XXS, .tq2_0: (256, 66)
        case .iq2_XS: (256, 74)
        case .iq3_XXS: (256, 98)
        case .iq1_S: (256, 50)
        case .iq2_S: (256, 82)
        case .iq4_XS: (256, 136)
        case .iq1_M: (256, 56)
        case .tq1_0: (256, 54)
        case .mxfp4: (32, 17)
        case .nvfp4: (64, 36)
        case .q1_0: (128, 18)
        }
    }

    /// The blocks that the engine computes with; nil for the others and for plain numbers.
    public var blockFormat: BlockFormat? {
        BlockFormat(rawValue: Int32(rawValue)).flatMap { $0.plainType == nil ? $0 : nil }
    }

    /// How the engine keeps matrices of this type: in blocks, or plain floats.
    public var storedFormat: BlockFormat? { BlockFormat(rawValue: Int32(rawValue)) }

    /// The plain type of tensors with the same bits.
    public var dtype: DType? {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .i32: .i32
        case .i8: .i8
        default: nil
        }
    }

    /// Of plain numbers that no tensor's type holds as they are.
    var elementType: ElementType? {
        switch self {
        case .f64: .f64
        case .i16: .i16
        case .i64: .i64
        default: nil
        }
    }

    /// The type of a format's blocks.
    public init(_ format: BlockFormat) {
        guard let type = GGUFType(rawValue: UInt32(format.rawValue)) else {
            preconditionFailure("GGUFType: \(format) is no type of GGUF files")
        }
        self = type
    }

    /// As llama.cpp writes it: "Q4_K", "IQ2_XXS", "BF16", ….
    public var name: String { "\(self)".uppercased() }

    /// The type with this name, in capitals or not.
    public init?(named name: String) {
        guard let type = GGUFType.allCases.first(where: { $0.name == name.uppercased() }) else {
            return nil
        }
        self = type
    }
}
