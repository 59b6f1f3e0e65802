/// The length of a character's UTF-8 form, from its first byte; 1 for a byte that begins none.
@inline(__always)
func characterLength(_ lead: UInt8) -> Int {
    lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 1
}

/// The scalar at a place and the number of its bytes. Broken bytes stand for themselves, as U+FFFD of length 1.
@inline(__always)
func scalar(_ text: Span<UInt8>, at i: Int) -> (value: UInt32, length: Int) {
    let lead = text[i]
    if lead < 0x80 { return (UInt32(lead), 1) }
    let length = characterLength(lead)
    guard length > 1, i + length <= text.count else { return (0xfffd, 1) }
    var value = UInt32(lead) & (0x7f >> UInt32(length))
    for j in i + 1..<i + length {
        guard text[j] & 0xc0 == 0x80 else { return (0xfffd, 1) }
        value = value << 6 | UInt32(text[j] & 0x3f)
    }
    return (value, length)
}

/// The bytes of valid text, with U+FFFD for what is broken.
func repaired(_ bytes: [UInt8]) -> [UInt8] {
    let isPlain = bytes.allSatisfy { $0 < 0x80 }
    return isPlain ? bytes : Array(String(decoding: bytes, as: UTF8.self).utf8)
}

/// How many bytes at the end begin a character whose rest is still to come.
func unfinishedCount(_ bytes: ArraySlice<UInt8>) -> Int {
    for back in 1...3 where back <= bytes.count {
        let byte = bytes[bytes.endIndex - back]
        if byte & 0xc0 == 0x80 { continue }
        guard characterLength(byte) > back else { return 0 }
        // Some beginnings can only end badly: those are broken now.
        let second = back > 1 ? bytes[bytes.endIndex - back + 1] : nil
        return byte >= 0xc2 && byte <= 0xf4 && canFollow(byte, second) ? back : 0
    }
    return 0
}

private func canFollow(_ lead: UInt8, _ second: UInt8?) -> Bool {
    guard let second else { return true }
    switch lead {
    case 0xe0: return second >= 0xa0
    case 0xed: return second < 0xa0
    case 0xf0: return second >= 0x90
    case 0xf4: return second < 0x90
    default: return true
    }
}
