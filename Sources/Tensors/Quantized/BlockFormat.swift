/// How a matrix's numbers are stored: GGUF's block formats for quantised weights, or plain floats. Raw values are its type
/// ids.
public enum BlockFormat: Int32, Sendable, CaseIterable {
    case f32 = 0, f16 = 1, bf16 = 30
    case q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8
    case q2_K = 10, q3_K = 11, q4_K = 12, q5_K = 13, q6_K = 14
    case iq4_NL = 20, iq4_XS = 23

    /// The formats of few bits.
    public static let allCases: [BlockFormat] = [
        .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS,
    ]

    /// The type of plain floats, "blocks" of one number, that are not rounded to int8; nil for formats of few bits.
    public var plainType: DType? {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        default: nil
        }
    }
}
