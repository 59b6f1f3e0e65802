/// The printable characters that stand for bytes in byte-level vocabularies: those of Latin-1 that show stand for
/// themselves, the others are counted up from U+0100.
enum ByteAlphabet {
    /// The character of each byte.
    static let characters: [UInt32] = {
        var next: UInt32 = 256
        return (0..<256).map { (byte: UInt32) in
            if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 {
                return byte
            }
            defer { next += 1 }
            return next
        }
    }()

    /// The byte of each character below U+0144, or -1.
    private static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 324)
        for (byte, character) in characters.enumerated() { table[Int(character)] = Int16(byte) }
        return table
    }()

    /// The bytes in the order of their characters: the order of a trained vocabulary.
    static let order: [UInt8] = (0..<256).sorted { characters[$0] < characters[$1] }.map {
        UInt8($0)
    }

    /// The characters that stand for some bytes.
    static func text(of bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            if let scalar = Unicode.Scalar(characters[Int(byte)]) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The bytes that a text stands for; nil if a character stands for none.
    static func bytes(of text: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var i = text.startIndex
        while i < text.endIndex {
            let (value, length) = scalar(text.span, at: i - text.startIndex)
            guard value < 324, bytes[Int(value)] >= 0 else { return nil }
            result.append(UInt8(bytes[Int(value)]))
            i += length
        }
        return result
    }
}
