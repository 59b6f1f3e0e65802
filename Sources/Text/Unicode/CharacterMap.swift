import Files

/// SentencePiece's compiled normalisation: a double-array trie of byte strings, and what each becomes.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    /// The replacements, each closed by a zero byte.
    private let texts: [UInt8]
    /// As it stands in files.
    let bytes: [UInt8]

    /// `bytes` is the file's `precompiled_charsmap`: the size of the trie, the trie, the replacements.
    init(_ bytes: [UInt8], path: String) throws(FileError) {
        var reader = ByteReader(bytes, path: path)
        let size = Int(try reader.u32("the size of the character map"))
        guard size % 4 == 0 else { throw FileError(path, "a character map of \(size) bytes") }
        let trie = try reader.take(size, "the character map")
        var units: [UInt32] = []
        units.reserveCapacity(size / 4)
        for i in stride(from: trie.startIndex, to: trie.endIndex, by: 4) {
            units.append(
                UInt32(trie[i]) | UInt32(trie[i + 1]) << 8 | UInt32(trie[i + 2]) << 16
                    | UInt32(trie[i + 3]) << 24)
        }
        self.units = units
        texts = Array(try reader.take(reader.remaining, "the replacements"))
        self.bytes = bytes
    }

    /// The replacements of the prefixes of a text that the map has, the shortest first: the prefix's length, and where
    /// its replacement begins.
    private func prefixes(of text: ArraySlice<UInt8>) -> [(length: Int, place: Int)] {
        var found: [(Int, Int)] = []
        guard let root = units.first else { return [] }
        var position = offset(root)
        for (i, byte) in text.enumerated() {
            if byte == 0 { break }
            position ^= Int(byte)
            guard units.indices.contains(position) else { break }
            let unit = units[position]
            // A leaf's label never equals a byte.
            guard unit & 0x8000_00ff == UInt32(byte) else { break }
            position ^= offset(unit)
            guard units.indices.contains(position) else { break }
            if unit >> 8 & 1 == 1 { found.append((i + 1, Int(units[position] & 0x7fff_ffff))) }
        }
        return found
    }

    /// The distance to a unit's children.
    private func offset(_ unit: UInt32) -> Int {
        Int((unit >> 10) << ((unit & 0x200) >> 6))
    }

    private func text(at place: Int) -> ArraySlice<UInt8> {
        guard place < texts.count else { return [] }
        return texts[place...].prefix { $0 != 0 }
    }

    /// The longest prefix that the map has, with its replacement.
    func longest(_ text: ArraySlice<UInt8>) -> (length: Int, replacement: ArraySlice<UInt8>)? {
        prefixes(of: text).last.map { ($0.length, self.text(at: $0.place)) }
    }

    /// As Hugging Face's library maps text: grapheme by grapheme, and those it cannot map scalar by scalar; of the
    /// prefixes that match, the shortest decides.
    func applyToGraphemes(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for grapheme in String(decoding: text, as: UTF8.self) {
            let bytes = Array(grapheme.utf8)
            if bytes.count < 6, let first = prefixes(of: bytes[...]).first {
                result += self.text(at: first.place)
                continue
            }
            var i = 0
            while i < bytes.count {
                let part = bytes[i..<min(i + characterLength(bytes[i]), bytes.count)]
                if let first = prefixes(of: part).first {
                    result += self.text(at: first.place)
                } else {
                    result += part
                }
                i = part.endIndex
            }
        }
        return result
    }
}
