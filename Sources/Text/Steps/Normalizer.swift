/// A step that changes text before it is split: bytes of valid UTF-8 in, bytes of valid UTF-8 out.
indirect enum Normalizer: Sendable {
    case canonical(Unicode.NormalForm)
    case lowercase
    /// Without combining marks.
    case stripAccents
    case strip(left: Bool, right: Bool)
    case prepend([UInt8])
    case replace(Replacement)
    case characterMap(CharacterMap)
    case sentencePiece(SentencePieceNormalizer)
    case bert(cleans: Bool, spacesIdeographs: Bool, stripsAccents: Bool, lowercases: Bool)
    case nmt
    /// llama.cpp's for BERT: the first scalar of each one's decomposition, in lower case, without
    /// control characters and marks.
    case baseLetters
    /// The printable stand-ins of all bytes.
    case byteLevel
    case sequence([Normalizer])

    func apply(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .canonical(let form): form.apply(text)
        case .lowercase: Normalizer.lowercased(text)
        case .stripAccents:
            text.mappingScalars { $0.properties.generalCategory.isMark ? nil : CollectionOfOne($0) }
        case .strip(let left, let right): Normalizer.strip(text, left, right)
        case .prepend(let prefix): text.isEmpty ? text : prefix + text
        case .replace(let replacement): replacement.apply(text)
        case .characterMap(let map): map.applyToGraphemes(text)
        case .sentencePiece(let step): step.apply(text)
        case .bert(let cleans, let spaces, let strips, let lowercases):
            Normalizer.bert(text, cleans, spaces, strips, lowercases)
        case .nmt: text.mappingScalars { Normalizer.nmt($0).map { CollectionOfOne($0) } }
        case .baseLetters: Normalizer.baseLetters(text)
        case .byteLevel: Array(ByteAlphabet.text(of: text).utf8)
        case .sequence(let steps): steps.reduce(text) { $1.apply($0) }
        }
    }

    private static func lowercased(_ text: [UInt8]) -> [UInt8] {
        text.mappingScalars { scalar -> [Unicode.Scalar]? in
            if scalar.isASCII {
                return [
                    ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar
                ]
            }
            return Array(scalar.properties.lowercaseMapping.unicodeScalars)
        }
    }

    private static func strip(_ text: [UInt8], _ left: Bool, _ right: Bool) -> [UInt8] {
        var scalars = String(decoding: text, as: UTF8.self).unicodeScalars[...]
        while left, let first = scalars.first, first.properties.isWhitespace {
            scalars.removeFirst()
        }
        while right, let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return Array(String(scalars).utf8)
    }

    private static func nmt(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar.value {
        case 1...8, 0xb, 0xe...0x1f, 0x7f, 0x8f, 0x9f: nil
        case 9, 0xa, 0xc, 0xd, 0x1680, 0x200b...0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd: " "
        default: scalar
        }
    }

    // MARK: BERT

    private static func bert(
        _ text: [UInt8], _ cleans: Bool, _ spaces: Bool, _ strips: Bool, _ lowercases: Bool
    ) -> [UInt8] {
        var text = text
        if cleans { text = text.mappingScalars { cleaned($0).map { CollectionOfOne($0) } } }
        if spaces {
            text = text.mappingScalars { isIdeograph($0.value) ? [" ", $0, " "] : [$0] }
        }
        if strips {
            text = Unicode.NormalForm.decomposed.apply(text).mappingScalars {
                $0.properties.generalCategory == .nonspacingMark ? nil : CollectionOfOne($0)
            }
        }
        return lowercases ? Normalizer.lowercase.apply(text) : text
    }

    /// Without control characters, with a blank for every kind of blank.
    private static func cleaned(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        if scalar == "\t" || scalar == "\n" || scalar == "\r" { return " " }
        if scalar.isASCII { return scalar.value < 32 || scalar.value == 127 ? nil : scalar }
        if scalar.value == 0xfffd { return nil }
        switch scalar.properties.generalCategory {
        case .control, .format, .privateUse, .surrogate: return nil
        default: return scalar.properties.isWhitespace ? " " : scalar
        }
    }

    private static func baseLetters(_ text: [UInt8]) -> [UInt8] {
        text.mappingScalars { scalar -> CollectionOfOne<Unicode.Scalar>? in
            let form = Unicode.NormalForm.decomposed.apply(Array(String(scalar).utf8))
            guard let first = String(decoding: form, as: UTF8.self).unicodeScalars.first,
                first.value != 0, first.value != 0xfffd
            else { return nil }
            switch first.properties.generalCategory {
            case .control where !first.properties.isWhitespace: return nil
            case .format, .privateUse, .surrogate: return nil
            case let category where category.isMark: return nil
            default: return first.properties.lowercaseMapping.unicodeScalars.first.map { .init($0) }
            }
        }
    }

    static func isIdeograph(_ value: UInt32) -> Bool {
        switch value {
        case 0x4e00...0x9fff, 0x3400...0x4dbf, 0x20000...0x2a6df, 0x2a700...0x2b73f,
            0x2b740...0x2b81f, 0x2b920...0x2ceaf, 0xf900...0xfaff, 0x2f800...0x2fa1f:
            true
        default: false
        }
    }
}

extension Unicode.GeneralCategory {
    var isMark: Bool { self == .nonspacingMark || self == .spacingMark || self == .enclosingMark }
}

extension [UInt8] {
    /// The text with each scalar replaced by none or several.
    func mappingScalars<S: Sequence<Unicode.Scalar>>(_ transform: (Unicode.Scalar) -> S?)
        -> [UInt8]
    {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var i = 0
        while i < count {
            let (value, length) = scalar(span, at: i)
            i += length
            guard let scalars = transform(Unicode.Scalar(value) ?? "\u{fffd}") else { continue }
            for scalar in scalars { result.append(utf8Of: scalar) }
        }
        return result
    }

    mutating func append(utf8Of scalar: Unicode.Scalar) {
        if scalar.isASCII {
            append(UInt8(truncatingIfNeeded: scalar.value))
        } else {
            append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
        }
    }
}
