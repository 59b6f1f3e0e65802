/// Cuts a template into tokens as Jinja does with `trim_blocks` and `lstrip_blocks`: the line end behind a block goes, and
/// the blanks before a block that begins its line.
struct TemplateLexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var tokens: [TemplateToken] = []
    /// Whether a line begins at the position.
    private var startsLine = true

    static let longestSource = 1 << 20

    init(_ text: String) throws(TemplateError) {
        guard text.utf8.count <= TemplateLexer.longestSource else {
            throw TemplateError("a template of \(text.utf8.count) bytes is too long")
        }
        var scalars: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if scalar == "\n" && scalars.last == "\r" { scalars.removeLast() }
            scalars.append(scalar)
        }
        source = scalars.map { $0 == "\r" ? "\n" : $0 }
    }

    /// All tokens; one line end at the end of the source is left out.
    mutating func run() throws(TemplateError) -> [TemplateToken] {
        let end = source.last == "\n" ? source.count - 1 : source.count
        while position < end { try lexText(end) }
        add(.end)
        return tokens
    }

    private mutating func add(_ kind: TemplateToken.Kind) {
        tokens.append(TemplateToken(kind: kind, line: line))
    }

    private func at(_ i: Int) -> Unicode.Scalar? { i < source.count ? source[i] : nil }

    private func starts(_ text: String, _ i: Int) -> Bool {
        var i = i
        for scalar in text.unicodeScalars {
            guard at(i) == scalar else { return false }
            i += 1
        }
        return true
    }

    private mutating func move(to end: Int) {
        for i in position..<min(end, source.count) where source[i] == "\n" { line += 1 }
        position = end
    }

    private mutating func skipBlanks() {
        var i = position
        while let scalar = at(i), scalar.isBlank { i += 1 }
        move(to: i)
    }

    // MARK: text and tags

    /// Text up to a tag, and the tag.
    private mutating func lexText(_ end: Int) throws(TemplateError) {
        var i = position
        while i < end,
            !(source[i] == "{" && at(i + 1).map { "{%#".unicodeScalars.contains($0) } == true)
        {
            i += 1
        }
        guard i < end else {
            addText(position..<end, strips: nil, isOutput: true)
            return move(to: end)
        }
        let kind = source[i + 1]
        let sign = at(i + 2)
        let strips = sign == "-" || sign == "+" ? sign : nil
        addText(position..<i, strips: strips, isOutput: kind == "{")
        move(to: i + (strips == nil ? 2 : 3))
        switch kind {
        case "#": try skipComment()
        case "{":
            add(.outputBegin)
            try lexExpression(closing: "}}", .outputEnd)
        default:
            if try lexRaw() { return }
            add(.blockBegin)
            try lexExpression(closing: "%}", .blockEnd)
        }
    }

    private mutating func addText(_ range: Range<Int>, strips: Unicode.Scalar?, isOutput: Bool) {
        var text = source[range]
        if strips == "-" {
            while text.last?.isBlank == true { text.removeLast() }
        } else if strips == nil && !isOutput {
            let start = text.lastIndex(of: "\n").map { $0 + 1 }
            let blanks = text[(start ?? text.startIndex)...]
            if start != nil || startsLine, blanks.allSatisfy({ $0.isBlank }) {
                text = text[..<(start ?? text.startIndex)]
            }
        }
        if !text.isEmpty { add(.text(String(String.UnicodeScalarView(text)))) }
    }

    /// The end of a tag at a place: how long it is with what it swallows, or nil.
    private func tagEnd(_ mark: String, _ i: Int, trims: Bool) -> Int? {
        if at(i) == "-" && starts(mark, i + 1) {
            var end = i + 3
            while at(end)?.isBlank == true { end += 1 }
            return end
        }
        if trims && at(i) == "+" && starts(mark, i + 1) { return i + 3 }
        guard starts(mark, i) else { return nil }
        return trims && at(i + 2) == "\n" ? i + 3 : i + 2
    }

    private mutating func close(_ end: Int) {
        startsLine = end > position && source[end - 1] == "\n"
        move(to: end)
    }

    private mutating func skipComment() throws(TemplateError) {
        var i = position
        while i < source.count {
            if let end = tagEnd("#}", i, trims: true) { return close(end) }
            i += 1
        }
        throw TemplateError("a comment without end", line: line)
    }

    /// `raw … endraw`: the text between as it stands.
    private mutating func lexRaw() throws(TemplateError) -> Bool {
        var i = position
        while at(i)?.isBlank == true { i += 1 }
        guard starts("raw", i) else { return false }
        i += 3
        while at(i)?.isBlank == true { i += 1 }
        guard let begin = tagEnd("%}", i, trims: false) else { return false }
        close(begin)
        i = position
        while i < source.count {
            defer { i += 1 }
            guard starts("{%", i) else { continue }
            let strips = at(i + 2).flatMap { $0 == "-" || $0 == "+" ? $0 : nil }
            var j = i + (strips == nil ? 2 : 3)
            while at(j)?.isBlank == true { j += 1 }
            guard starts("endraw", j) else { continue }
            j += 6
            while at(j)?.isBlank == true { j += 1 }
            guard let end = tagEnd("%}", j, trims: true) else { continue }
            addText(position..<i, strips: strips, isOutput: false)
            close(end)
            return true
        }
        throw TemplateError("raw without endraw", line: line)
    }

    // MARK: expressions

    private static let longSigns = ["**", "//", "==", "!=", ">=", "<="]
    private static let signs = Set("+-/*%~[](){}<>=.:|,;".unicodeScalars)

    private mutating func lexExpression(closing mark: String, _ closed: TemplateToken.Kind)
        throws(TemplateError)
    {
        var open: [Unicode.Scalar] = []
        while true {
            if open.isEmpty, let end = tagEnd(mark, position, trims: mark == "%}") {
                add(closed)
                return close(end)
            }
            guard let next = at(position) else {
                throw TemplateError("a tag without end", line: line)
            }
            if next.isBlank {
                skipBlanks()
            } else if next == "'" || next == "\"" {
                try lexString(next)
            } else if next.value < 128, let digit = next.properties.numericType, digit == .decimal {
                try lexNumber()
            } else if next == "_" || next.properties.isAlphabetic {
                lexName()
            } else {
                try lexSign(next, &open)
            }
        }
    }

    private mutating func lexSign(_ next: Unicode.Scalar, _ open: inout [Unicode.Scalar])
        throws(TemplateError)
    {
        if let sign = TemplateLexer.longSigns.first(where: { starts($0, position) }) {
            add(.sign(sign))
            return move(to: position + 2)
        }
        guard TemplateLexer.signs.contains(next) else {
            throw TemplateError("an unexpected \(next)", line: line)
        }
        let pairs: [Unicode.Scalar: Unicode.Scalar] = ["(": ")", "[": "]", "{": "}"]
        if let closing = pairs[next] {
            open.append(closing)
        } else if pairs.values.contains(next) {
            guard open.popLast() == next else {
                throw TemplateError("an unexpected \(next)", line: line)
            }
        }
        add(.sign(String(Character(next))))
        move(to: position + 1)
    }

    private mutating func lexName() {
        let start = position
        var i = position
        while let next = at(i),
            next == "_" || next.properties.isAlphabetic || next.properties.numericType != nil
        {
            i += 1
        }
        add(.name(String(String.UnicodeScalarView(source[start..<i]))))
        move(to: i)
    }

    private func digits(from start: Int, _ isDigit: (Unicode.Scalar) -> Bool) -> Int {
        var i = start
        while let next = at(i),
            isDigit(next) || (next == "_" && i > start && at(i + 1).map(isDigit) == true)
        {
            i += 1
        }
        return i
    }

    private mutating func lexNumber() throws(TemplateError) {
        let isDecimal = { (scalar: Unicode.Scalar) in scalar >= "0" && scalar <= "9" }
        let start = position
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)]
        where starts(prefix, start) {
            let end = digits(from: start + 2) { $0.properties.isASCIIHexDigit }
            let text = text(start + 2..<end)
            guard let value = Int(text, radix: radix) else {
                throw TemplateError("a number that is none or too large", line: line)
            }
            add(.integer(value))
            return move(to: end)
        }
        var end = digits(from: start, isDecimal)
        var isFloat = false
        if at(end) == ".", at(end + 1).map(isDecimal) == true {
            end = digits(from: end + 1, isDecimal)
            isFloat = true
        }
        if at(end) == "e" || at(end) == "E" {
            let sign = at(end + 1) == "+" || at(end + 1) == "-" ? 2 : 1
            if at(end + sign).map(isDecimal) == true {
                end = digits(from: end + sign, isDecimal)
                isFloat = true
            }
        }
        let text = text(start..<end)
        let isPadded = text.hasPrefix("0") && text.contains { $0 != "0" }
        if !isFloat, isPadded {
            throw TemplateError("the number \(text) begins with 0", line: line)
        } else if !isFloat, let value = Int(text) {
            add(.integer(value))
        } else if isFloat, let value = Double(text) {
            add(.float(value))
        } else {
            throw TemplateError("the number \(text) is too large", line: line)
        }
        move(to: end)
    }

    private func text(_ range: Range<Int>) -> String {
        String(String.UnicodeScalarView(source[range].filter { $0 != "_" }))
    }

    private mutating func lexString(_ quote: Unicode.Scalar) throws(TemplateError) {
        var text = String.UnicodeScalarView()
        var i = position + 1
        while let next = at(i), next != quote {
            if next != "\\" {
                text.append(next)
                i += 1
                continue
            }
            i = escape(i + 1, into: &text)
        }
        guard at(i) == quote else { throw TemplateError("a text without end", line: line) }
        add(.string(String(text)))
        move(to: i + 1)
    }

    /// Python's escapes; the place behind.
    private func escape(_ i: Int, into text: inout String.UnicodeScalarView) -> Int {
        guard let next = at(i) else { return i }
        let plain: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}",
            "b": "\u{8}", "f": "\u{c}", "v": "\u{b}",
        ]
        if let scalar = plain[next] {
            text.append(scalar)
            return i + 1
        }
        if next == "\n" { return i + 1 }
        let lengths: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
        if let length = lengths[next], i + 1 + length <= source.count,
            let code = UInt32(self.text(i + 1..<i + 1 + length), radix: 16)
        {
            text.append(Unicode.Scalar(code) ?? "\u{fffd}")
            return i + 1 + length
        }
        if next >= "0" && next <= "7" {
            let end = min(digits(from: i) { $0 >= "0" && $0 <= "7" }, i + 3)
            text.append(
                UInt32(self.text(i..<end), radix: 8).flatMap { Unicode.Scalar($0) } ?? "\u{fffd}")
            return end
        }
        text.append("\\")
        text.append(next)
        return i + 1
    }
}

extension Unicode.Scalar {
    /// Whether it is white space; most are told without a look into Unicode's tables.
    fileprivate var isBlank: Bool {
        value < 0x80 ? value == 0x20 || (0x09...0x0d).contains(value) : properties.isWhitespace
    }
}
