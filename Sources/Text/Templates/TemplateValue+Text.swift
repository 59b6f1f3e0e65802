extension TemplateValue {
    /// As Python prints it.
    var text: String {
        switch self {
        case .undefined: ""
        case .string(let text): text
        default: representation
        }
    }

    /// As Python writes it in a list.
    var representation: String {
        switch self {
        case .undefined: return "Undefined"
        case .none: return "None"
        case .bool(let value): return value ? "True" : "False"
        case .integer(let value): return "\(value)"
        case .float(let value): return TemplateValue.text(of: value)
        case .string(let text): return TemplateValue.quoted(text)
        case .list(let items): return "[" + TemplateValue.joined(items) + "]"
        case .tuple(let items):
            return "(" + TemplateValue.joined(items) + (items.count == 1 ? ",)" : ")")
        case .dictionary(let dictionary):
            let items = dictionary.items.map {
                "\($0.key.representation): \($0.value.representation)"
            }
            return "{" + items.joined(separator: ", ") + "}"
        case .sequence(let items, let kind):
            if kind == .generator { return "<generator>" }
            if kind == .range { return TemplateValue.range(items) }
            return "dict_\(kind.rawValue)([" + TemplateValue.joined(items) + "])"
        case .namespace(let space):
            return "<Namespace \(TemplateValue.dictionary(space.values).text)>"
        case .callable: return "<function>"
        case .loop(let loop): return "<LoopContext \(loop.index + 1)/\(loop.items.count)>"
        }
    }

    private static func joined(_ items: [TemplateValue]) -> String {
        items.map(\.representation).joined(separator: ", ")
    }

    private static func range(_ items: [TemplateValue]) -> String {
        let (first, step) = (
            items.first?.int ?? 0, items.count > 1 ? (items[1].int ?? 1) - (items[0].int ?? 0) : 1
        )
        let end = first + step * items.count
        return step == 1 ? "range(\(first), \(end))" : "range(\(first), \(end), \(step))"
    }

    /// A float as Python writes it.
    static func text(of value: Double) -> String {
        value.isNaN ? "nan" : value.isInfinite ? (value < 0 ? "-inf" : "inf") : "\(value)"
    }

    /// Between ' or ", with escapes for what does not print.
    private static func quoted(_ text: String) -> String {
        let scalars = text.unicodeScalars
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        var result = String(Character(quote))
        for scalar in scalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\\": result += "\\\\"
            case quote: result += "\\" + String(Character(quote))
            case _ where scalar == " " || isPrintable(scalar): result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x100: result += "\\x" + hexadecimal(scalar.value, 2)
            case _ where scalar.value < 0x10000: result += "\\u" + hexadecimal(scalar.value, 4)
            default: result += "\\U" + hexadecimal(scalar.value, 8)
            }
        }
        return result + String(Character(quote))
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            false
        default: true
        }
    }

    static func hexadecimal(_ value: UInt32, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// Writes values as Python's `json.dumps` does.
struct TemplateJSON {
    var indent: Int?
    var (itemSeparator, keySeparator) = (", ", ": ")
    var sortsKeys = false
    var isASCII = false

    func text(of value: TemplateValue, level: Int = 0) throws -> String {
        switch value {
        case .none: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return "\(value)"
        case .float(let value):
            if value.isNaN { return "NaN" }
            return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : "\(value)"
        case .string(let text): return quoted(text)
        case .list(let items), .tuple(let items):
            let parts = try items.map { try text(of: $0, level: level + 1) }
            return framed(parts, "[", "]", level)
        case .dictionary(let dictionary):
            var items = try dictionary.items.map { (try key($0.key), $0.value) }
            if sortsKeys {
                items.sort { $0.0.unicodeScalars.lexicographicallyPrecedes($1.0.unicodeScalars) }
            }
            let parts = try items.map {
                quoted($0) + keySeparator + (try text(of: $1, level: level + 1))
            }
            return framed(parts, "{", "}", level)
        default: throw TemplateError("tojson: \(value.kindName) is nothing that JSON has")
        }
    }

    private func key(_ value: TemplateValue) throws -> String {
        switch value {
        case .string(let text): return text
        case .none, .bool, .integer, .float: return try text(of: value)
        default: throw TemplateError("tojson: \(value.kindName) as a key")
        }
    }

    private func framed(_ parts: [String], _ open: String, _ close: String, _ level: Int) -> String
    {
        guard let indent, !parts.isEmpty else {
            return open + parts.joined(separator: itemSeparator) + close
        }
        let inner = "\n" + String(repeating: " ", count: indent * (level + 1))
        let separator = String(itemSeparator.reversed().drop { $0 == " " }.reversed())
        return open + inner + parts.joined(separator: separator + inner) + "\n"
            + String(repeating: " ", count: indent * level) + close
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{c}": result += "\\f"
            case _ where scalar.value < 32 || (isASCII && scalar.value > 126):
                for unit in String(scalar).utf16 {
                    result += "\\u" + TemplateValue.hexadecimal(UInt32(unit), 4)
                }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
