extension Tokenizer {
    /// The ids of a text with its marks, cut so that they are no more than `length` in all.
    public func encode(_ text: String, most length: Int) -> [Int] {
        let ids = encode(text, addsMarks: false)
        let extra = marks([[]]).count
        return Array(marks([Array(ids.prefix(max(0, length - extra)))]).prefix(max(0, length)))
    }

    /// The ids of a text, cut or filled to a length: marks stay at the ends, and the closing mark's token, or the one for
    /// padding, fills up. This is what CLIP's text encoders take.
    public func encode(_ text: String, length: Int) -> [Int] {
        let cut = encode(text, most: length)
        let fill = padding ?? cut.last ?? 0
        return cut + Array(repeating: fill, count: max(0, length - cut.count))
    }
}
