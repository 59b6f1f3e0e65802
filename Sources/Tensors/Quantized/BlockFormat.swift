/// GGUF's block formats for quantised weights; raw values are its type ids.
public enum BlockFormat: Int32, Sendable, CaseIterable {
    case q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8
    case q2_K = 10, q3_K = 11, q4_K = 12, q5_K = 13, q6_K = 14
    case iq4_NL = 20, iq4_XS = 23
}
