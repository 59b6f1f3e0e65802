import Glibc

extension TemplateRun {
    /// a + b and the others, as Python has them. `isSign` where a is the 0 of a sign before b.
    func binary(_ sign: String, _ a: TemplateValue, _ b: TemplateValue, isSign: Bool = false) throws
        -> TemplateValue
    {
        if let x = a.int, let y = b.int { return try integers(sign, x, y) }
        if let x = a.double, let y = b.double {
            return isSign && sign == "-" ? .float(-y) : try floats(sign, x, y)
        }
        switch (sign, a, b) {
        case ("+", .string(let x), .string(let y)):
            try charge(x.utf8.count + y.utf8.count)
            return .string(x + y)
        case ("+", .list(let x), .list(let y)):
            try charge(x.count + y.count)
            return .list(x + y)
        case ("+", .tuple(let x), .tuple(let y)):
            try charge(x.count + y.count)
            return .tuple(x + y)
        case ("*", .string, _), ("*", .list, _), ("*", .tuple, _):
            if let count = b.int { return try repeated(a, count) }
        case ("*", _, .string), ("*", _, .list), ("*", _, .tuple):
            if let count = a.int { return try repeated(b, count) }
        case ("%", .string(let format), _):
            var values = [b]
            if case .tuple(let items) = b { values = items }
            return .string(try self.format(format, values))
        default: break
        }
        throw TemplateError("\(a.kindName) \(sign) \(b.kindName) has no meaning")
    }

    private func repeated(_ value: TemplateValue, _ count: Int) throws -> TemplateValue {
        let count = max(0, count)
        func checked(_ size: Int) throws {
            let (total, overflow) = size.multipliedReportingOverflow(by: count)
            try charge(overflow ? .max : total)
        }
        switch value {
        case .string(let text):
            try checked(text.utf8.count)
            return .string(String(repeating: text, count: text.isEmpty ? 0 : count))
        case .list(let items):
            try checked(items.count)
            return .list(items.isEmpty ? [] : Array(repeatElement(items, count: count).joined()))
        case .tuple(let items):
            try checked(items.count)
            return .tuple(items.isEmpty ? [] : Array(repeatElement(items, count: count).joined()))
        default: return value
        }
    }

    private func integers(_ sign: String, _ x: Int, _ y: Int) throws -> TemplateValue {
        let result: (partialValue: Int, overflow: Bool)
        switch sign {
        case "+": result = x.addingReportingOverflow(y)
        case "-": result = x.subtractingReportingOverflow(y)
        case "*": result = x.multipliedReportingOverflow(by: y)
        case "**":
            guard y >= 0 else { return try floats(sign, Double(x), Double(y)) }
            result = try power(x, y)
        case "/": return try floats(sign, Double(x), Double(y))
        default:
            guard y != 0 else { throw TemplateError("a division by zero") }
            guard !(x == .min && y == -1) else { throw TemplateError("a number beyond 64 bits") }
            // Towards minus infinity, with a remainder of y's sign.
            let remainder = x % y
            let isBelow = remainder != 0 && (remainder < 0) != (y < 0)
            if sign == "%" { return .integer(isBelow ? remainder + y : remainder) }
            return .integer(isBelow ? x / y - 1 : x / y)
        }
        guard !result.overflow else { throw TemplateError("a number beyond 64 bits") }
        return .integer(result.partialValue)
    }

    private func power(_ base: Int, _ exponent: Int) throws -> (partialValue: Int, overflow: Bool) {
        guard base.magnitude > 1 else {
            return (exponent == 0 ? 1 : base == -1 && exponent % 2 == 0 ? 1 : base, false)
        }
        guard exponent < 64 else { return (0, true) }
        var result = 1
        for _ in 0..<exponent {
            let (next, overflow) = result.multipliedReportingOverflow(by: base)
            if overflow { return (0, true) }
            result = next
        }
        return (result, false)
    }

    private func floats(_ sign: String, _ x: Double, _ y: Double) throws -> TemplateValue {
        switch sign {
        case "+": return .float(x + y)
        case "-": return .float(x - y)
        case "*": return .float(x * y)
        case "**": return .float(pow(x, y))
        default:
            guard y != 0 else { throw TemplateError("a division by zero") }
            if sign == "/" { return .float(x / y) }
            let floored = (x / y).rounded(.down)
            return .float(sign == "//" ? floored : x - floored * y)
        }
    }

    /// `%s` and its like.
    func format(_ format: String, _ values: [TemplateValue]) throws -> String {
        var (result, rest, i) = ("", values[...], 0)
        let scalars = format.scalars
        while i < scalars.count {
            guard scalars[i] == "%" else {
                result.unicodeScalars.append(scalars[i])
                i += 1
                continue
            }
            var spec = ""
            i += 1
            while i < scalars.count, "-+ #0123456789.".unicodeScalars.contains(scalars[i]) {
                spec.unicodeScalars.append(scalars[i])
                i += 1
            }
            guard i < scalars.count else { throw TemplateError("a format that ends with %") }
            let kind = scalars[i]
            i += 1
            if kind == "%" {
                result += "%"
                continue
            }
            guard let value = rest.popFirst() else {
                throw TemplateError("a format with too few values")
            }
            try weigh(value)
            result += try TemplateRun.formatted(value, String(kind), spec)
            try charge(result.utf8.count)
        }
        guard rest.isEmpty else { throw TemplateError("a format with too many values") }
        return result
    }

    /// One value with flags, width and precision.
    static func formatted(_ value: TemplateValue, _ kind: String, _ spec: String) throws -> String {
        let flags = spec.prefix { "-+ #0".contains($0) }
        let parts = spec.dropFirst(flags.count).split(
            separator: ".", omittingEmptySubsequences: false)
        let width = parts.first.flatMap { Int($0) } ?? 0
        let precision = parts.count > 1 ? Int(parts[1]) ?? 0 : nil
        guard width < 1000, precision ?? 0 < 1000 else { throw TemplateError("a format too wide") }
        var text: String
        switch kind {
        case "s", "r":
            text = kind == "s" ? value.text : value.representation
            if let precision {
                text = String(String.UnicodeScalarView(text.scalars.prefix(precision)))
            }
        case "d", "i", "u", "x", "X", "o":
            guard
                let number = value.int
                    ?? value.double.flatMap({ Int(exactly: $0.rounded(.towardZero)) })
            else { throw TemplateError("%\(kind) needs a number, not \(value.kindName)") }
            let radix = kind == "x" || kind == "X" ? 16 : kind == "o" ? 8 : 10
            text = String(number, radix: radix, uppercase: kind == "X")
        case "f", "F", "e", "g":
            guard let number = value.double else {
                throw TemplateError("%\(kind) needs a number, not \(value.kindName)")
            }
            text = printed(number, kind, precision ?? 6)
        default: throw TemplateError("a format of %\(kind)")
        }
        if kind != "s" && kind != "r" && !text.hasPrefix("-") {
            if flags.contains("+") {
                text = "+" + text
            } else if flags.contains(" ") {
                text = " " + text
            }
        }
        let fill = max(0, width - text.unicodeScalars.count)
        if flags.contains("-") { return text + String(repeating: " ", count: fill) }
        guard flags.contains("0"), kind != "s", kind != "r" else {
            return String(repeating: " ", count: fill) + text
        }
        let sign = text.prefix { $0 == "-" || $0 == "+" || $0 == " " }
        return sign + String(repeating: "0", count: fill) + text.dropFirst(sign.count)
    }

    /// A float with a number of digits behind the point, by the C library.
    static func printed(_ value: Double, _ kind: String, _ precision: Int) -> String {
        var bytes = [CChar](repeating: 0, count: 1500)
        let count = withVaList([value]) {
            vsnprintf(&bytes, bytes.count, "%.\(precision)\(kind)", $0)
        }
        return String(
            decoding: bytes.prefix(Int(max(0, count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
