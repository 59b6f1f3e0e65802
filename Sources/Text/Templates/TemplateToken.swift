/// A piece of a template's source.
struct TemplateToken: Equatable {
    enum Kind: Equatable {
        /// Text between tags.
        case text(String)
        case outputBegin, outputEnd, blockBegin, blockEnd
        case name(String)
        case string(String)
        case integer(Int)
        case float(Double)
        /// One of the signs of the language.
        case sign(String)
        case end
    }

    let kind: Kind
    let line: Int
}
