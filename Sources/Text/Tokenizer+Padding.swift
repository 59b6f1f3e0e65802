extension Tokenizer {
    /// The ids of a text, cut or filled to a length: marks stay at the ends, and the closing mark's token, or the one for
    /// padding, fills up. This is what CLIP's text encoders take.
    public func encode(_ text: String, length: Int) -> [Int] {
        let ids = encode(text, addsMarks: false)
        let extra = marks([[]]).count
        let cut = marks([Array(ids.prefix(max(0, length - extra)))])
        let fill = padding ?? cut.last ?? 0
        return Array(cut.prefix(length)) + Array(repeating: fill, count: max(0, length - cut.count))
    }
}
