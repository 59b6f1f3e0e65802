@_spi(_Unicode) import Swift

extension Unicode {
    /// The four normal forms of text. The standard library has the canonical ones, as sequences of scalars.
    enum NormalForm: Sendable {
        case composed, decomposed, compatiblyComposed, compatiblyDecomposed

        func apply(_ text: [UInt8]) -> [UInt8] {
            if text.allSatisfy({ $0 < 0x80 }) { return text }
            let string = String(decoding: text, as: UTF8.self)
            var result = String.UnicodeScalarView()
            switch self {
            case .composed: result.append(contentsOf: string._nfc)
            case .decomposed: result.append(contentsOf: string._nfd)
            case .compatiblyComposed:
                result.append(contentsOf: CompatibilityForms.expand(string)._nfc)
            case .compatiblyDecomposed:
                result.append(contentsOf: CompatibilityForms.expand(string)._nfd)
            }
            return Array(String(result).utf8)
        }
    }
}
