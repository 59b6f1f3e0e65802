@_spi(_Unicode) import Swift

extension Unicode {
    /// The four normal forms of text. The standard library has the canonical ones, as sequences of scalars.
    enum NormalForm: Sendable {
        case composed, decomposed, compatiblyComposed, compatiblyDecomposed

        func apply(_ text: [UInt8]) -> [UInt8] {
            if text.allSatisfy({ $0 < 0x80 }) { return text }
            let string = String(decoding: text, as: UTF8.self)
            var result: [UInt8] = []
            result.reserveCapacity(text.count)
            switch self {
            case .composed: for scalar in string._nfc { result.append(utf8Of: scalar) }
            case .decomposed: for scalar in string._nfd { result.append(utf8Of: scalar) }
            case .compatiblyComposed:
                for scalar in CompatibilityForms.expand(string)._nfc {
                    result.append(utf8Of: scalar)
                }
            case .compatiblyDecomposed:
                for scalar in CompatibilityForms.expand(string)._nfd {
                    result.append(utf8Of: scalar)
                }
            }
            return result
        }
    }
}
