/// A JSON value. Objects keep the order of the file.
public enum JSON: Sendable {
    case null
    case bool(Bool)
    /// A number that is written with a point or an exponent, or that is too large for the next.
    case number(Double)
    /// A whole number.
    case integer(Int)
    case string(String)
    case array([JSON])
    case object([Member])

    public struct Member: Sendable, Equatable {
        public let key: String
        public let value: JSON

        public init(key: String, value: JSON) { (self.key, self.value) = (key, value) }
    }
}

extension JSON {
    public subscript(_ key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var double: Double? {
        switch self {
        case .number(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    public var members: [Member]? { if case .object(let value) = self { value } else { nil } }
    public var isNull: Bool { if case .null = self { true } else { false } }

    /// A number without fraction that fits.
    public var int: Int? {
        if case .integer(let value) = self { return value }
        return double.flatMap { Int(exactly: $0) }
    }

    /// All integers of an array; nil if any element is something else.
    public var ints: [Int]? {
        guard let array else { return nil }
        let values = array.compactMap(\.int)
        return values.count == array.count ? values : nil
    }
}

extension JSON: Equatable {
    /// 1 and 1.0 are equal.
    public static func == (a: JSON, b: JSON) -> Bool {
        switch a {
        case .null: return b.isNull
        case .bool(let value): return b.bool == value
        case .number(let value): return b.double == value
        case .integer(let value): return b.int == value
        case .string(let value): return b.string == value
        case .array(let value): return b.array == value
        case .object(let value): return b.members == value
        }
    }
}

// MARK: reading

extension JSON {
    /// Reads one value; what follows it must be blank.
    public init(parsing bytes: [UInt8], path: String) throws(FileError) {
        var parser = JSONParser(bytes: bytes, path: path)
        self = try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    let path: String
    var position = 0
    var depth = 0
    /// Deeper nesting than this is an attack on the stack.
    static let deepest = 256

    init(bytes: [UInt8], path: String) { (self.bytes, self.path) = (bytes, path) }

    func failure(_ problem: String) -> FileError {
        FileError(path, "not JSON: \(problem) at byte \(position)")
    }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipBlanks() {
        while let byte = next, byte == 32 || (byte >= 9 && byte <= 13) { position += 1 }
    }

    mutating func document() throws(FileError) -> JSON {
        let value = try value()
        skipBlanks()
        guard next == nil else { throw failure("more text") }
        return value
    }

    mutating func value() throws(FileError) -> JSON {
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"):
            return try nested { parser throws(FileError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { parser throws(FileError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try text())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        // Python writes these, in the configurations of schedulers for one.
        case UInt8(ascii: "I"): return try word("Infinity", .number(.infinity))
        case UInt8(ascii: "-") where bytes[position...].starts(with: "-I".utf8):
            return try word("-Infinity", .number(-.infinity))
        case nil: throw failure("it ends where a value should stand")
        default: return try number()
        }
    }

    mutating func nested(_ body: (inout JSONParser) throws(FileError) -> JSON) throws(FileError)
        -> JSON
    {
        guard depth < JSONParser.deepest else {
            throw failure("nested deeper than \(JSONParser.deepest)")
        }
        depth += 1
        defer { depth -= 1 }
        position += 1
        return try body(&self)
    }

    mutating func word(_ word: String, _ value: JSON) throws(FileError) -> JSON {
        guard bytes[position...].starts(with: word.utf8) else { throw failure("an unknown word") }
        position += word.utf8.count
        return value
    }

    /// Whether the closing byte stands here; else a comma must (or nothing yet).
    mutating func closes(_ byte: UInt8, isFirst: Bool) throws(FileError) -> Bool {
        skipBlanks()
        if next == byte {
            position += 1
            return true
        }
        if isFirst { return false }
        guard next == UInt8(ascii: ",") else { throw failure("a missing comma") }
        position += 1
        return false
    }

    mutating func array() throws(FileError) -> JSON {
        var items: [JSON] = []
        while try !closes(UInt8(ascii: "]"), isFirst: items.isEmpty) { items.append(try value()) }
        return .array(items)
    }

    mutating func object() throws(FileError) -> JSON {
        var members: [JSON.Member] = []
        while try !closes(UInt8(ascii: "}"), isFirst: members.isEmpty) {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw failure("a missing key") }
            let key = try text()
            skipBlanks()
            guard next == UInt8(ascii: ":") else { throw failure("a missing colon") }
            position += 1
            members.append(.init(key: key, value: try value()))
        }
        return .object(members)
    }

    mutating func number() throws(FileError) -> JSON {
        let start = position
        while let byte = next, isNumeric(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if let value = Int(text), text.first != "+", text != "-0" { return .integer(value) }
        guard let value = Double(text), text.first != "+" else {
            position = start
            throw failure("neither a value nor a number")
        }
        return .number(value)
    }

    private func isNumeric(_ byte: UInt8) -> Bool {
        (byte >= 48 && byte <= 57) || byte == 43 || byte == 45 || byte == 46 || byte == 69
            || byte == 101
    }

    mutating func text() throws(FileError) -> String {
        position += 1
        var characters: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: characters, as: UTF8.self)
            case UInt8(ascii: "\\"): characters += try escape()
            case 0..<32: throw failure("a control character in a string")
            default: characters.append(byte)
            }
        }
        throw failure("a string without end")
    }

    mutating func escape() throws(FileError) -> [UInt8] {
        guard let byte = next else { throw failure("a string without end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "u"): return try unicode()
        default: throw failure("an unknown escape")
        }
    }

    /// `\u` and four hex digits, or two of them as a surrogate pair; a lone surrogate becomes U+FFFD.
    mutating func unicode() throws(FileError) -> [UInt8] {
        var code = try hexadecimal()
        if code >> 10 == 0x36,
            bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")])
        {
            let mark = position
            position += 2
            let low = try hexadecimal()
            if low >> 10 == 0x37 {
                code = 0x10000 + (code & 0x3ff) << 10 + (low & 0x3ff)
            } else {
                position = mark
            }
        }
        let scalar = Unicode.Scalar(code) ?? "\u{fffd}"
        return Array(String(Character(scalar)).utf8)
    }

    mutating func hexadecimal() throws(FileError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let value = UInt32(
                String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw failure("a broken \\u escape") }
        position += 4
        return value
    }
}

// MARK: writing

extension JSON {
    /// The value as one line of JSON. Numbers that are not finite become null.
    public var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let value): JSON.text(of: value)
        case .integer(let value): "\(value)"
        case .string(let value): JSON.quoted(value)
        case .array(let items): "[" + items.map(\.text).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\(JSON.quoted($0.key)): \($0.value.text)" }.joined(separator: ", ")
                + "}"
        }
    }

    private static func text(of value: Double) -> String {
        if !value.isFinite { return "null" }
        return Int(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case _ where scalar.value < 32:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
