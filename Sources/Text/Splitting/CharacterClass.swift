/// The classes of characters that splitting patterns tell apart.
enum CharacterClass: UInt8 {
    case letter, number, space, newline, other

    /// The classes of the characters below U+10000, worked out once.
    static let table: [UInt8] = (0..<0x10000).map { (value: UInt32) in
        Unicode.Scalar(value).map { CharacterClass($0).rawValue } ?? CharacterClass.other.rawValue
    }

    init(_ scalar: Unicode.Scalar) {
        if scalar == "\r" || scalar == "\n" {
            self = .newline
        } else if scalar.properties.isWhitespace {
            self = .space
        } else {
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter,
                .otherLetter:
                self = .letter
            case .decimalNumber, .letterNumber, .otherNumber: self = .number
            default: self = .other
            }
        }
    }

    /// The class of a scalar value.
    @inline(__always)
    static func of(_ value: UInt32, _ table: [UInt8]) -> UInt8 {
        if value < 0x10000 { return table[Int(value)] }
        return Unicode.Scalar(value).map { CharacterClass($0).rawValue }
            ?? CharacterClass.other.rawValue
    }
}
