extension TemplateRun {
    /// Filters of texts; nil for others.
    func textFilter(_ name: String, _ value: TemplateValue, _ given: GivenValues) throws
        -> TemplateValue?
    {
        let text = { [self] in try self.text(of: value) }
        let result: String
        switch name {
        case "string", "safe": result = try text()
        case "pprint":
            try weigh(value)
            result = value.representation
        case "upper": result = TextMethods.map(try text()) { $0.properties.uppercaseMapping }
        case "lower": result = TextMethods.lower(try text())
        case "capitalize": result = TextMethods.capitalize(try text())
        case "title": result = title(try text())
        case "trim":
            result = TextMethods.strip(
                try text(), try given.text(0, "chars"), left: true, right: true)
        case "escape", "e", "forceescape": result = escaped(try text())
        case "replace":
            guard let old = given.value(0, "old"), let new = given.value(1, "new") else {
                throw TemplateError("replace needs two texts")
            }
            let count = try given.int(2, "count") ?? -1
            result = try TextMethods.replace(text(), self.text(of: old), self.text(of: new), count)
        case "format": result = try format(try text(), given.values)
        case "indent": result = try indented(try text(), given)
        case "center":
            let width = GivenValues(values: [.integer(try given.int(0, "width") ?? 80)])
            result = try TextMethods.change("center", try text(), width) ?? ""
        case "striptags": result = stripped(try text())
        case "truncate": result = try truncated(try text(), given)
        case "urlencode": result = urlEncoded(try text())
        case "filesizeformat": result = try fileSize(value, given.flag(0, "binary"))
        case "wordwrap": result = try wrapped(try text(), given)
        case "wordcount": return .integer(wordCount(try text()))
        default: return nil
        }
        try charge(result.utf8.count)
        return .string(result)
    }

    /// Words begin with a capital: behind blanks, dashes and brackets.
    private func title(_ text: String) -> String {
        var begins = true
        return TextMethods.map(text) { scalar in
            let isBreak = scalar.properties.isWhitespace || "-({[<".unicodeScalars.contains(scalar)
            defer { begins = isBreak }
            return begins ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
        }
    }

    private func escaped(_ text: String) -> String {
        TextMethods.map(text) { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "'": "&#39;"
            case "\"": "&#34;"
            default: String(scalar)
            }
        }
    }

    private func indented(_ text: String, _ given: GivenValues) throws -> String {
        var indention = ""
        if let prefix = given.value(0, "width")?.string {
            indention = prefix
        } else {
            let width = try given.int(0, "width") ?? 4
            guard width <= 10_000 else { throw TemplateError("indent by \(width)") }
            indention = String(repeating: " ", count: max(0, width))
        }
        let (first, blank) = (given.flag(1, "first"), given.flag(2, "blank"))
        let lines = TextMethods.lines(text + "\n")
        try charge(lines.count * indention.utf8.count)
        let rest = lines.dropFirst().map { $0.isEmpty && !blank ? $0 : indention + $0 }
        return (first ? indention : "") + ([lines.first ?? ""] + rest).joined(separator: "\n")
    }

    private func stripped(_ text: String) -> String {
        var (result, depth) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            if scalar == "<" { depth = 1 }
            if depth == 0 { result.append(scalar) }
            if scalar == ">" { depth = 0 }
        }
        return String(result).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private func truncated(_ text: String, _ given: GivenValues) throws -> String {
        let length = try given.int(0, "length") ?? 255
        let end = try given.text(2, "end") ?? "..."
        let leeway = try given.int(3, "leeway") ?? 5
        let scalars = text.scalars
        guard length >= end.unicodeScalars.count, leeway >= 0, length < 1 << 30, leeway < 1 << 30
        else {
            throw TemplateError("truncate to \(length) is less than its end")
        }
        if scalars.count <= length + leeway { return text }
        let head = scalars.prefix(length - end.unicodeScalars.count)
        if given.flag(1, "killwords") { return String(String.UnicodeScalarView(head)) + end }
        let words = head.lastIndex(of: " ").map { head[..<$0] } ?? head
        return String(String.UnicodeScalarView(words)) + end
    }

    private func urlEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || "_.-~/".utf8.contains(byte)
            return isPlain
                ? String(Unicode.Scalar(byte))
                : "%" + TemplateValue.hexadecimal(UInt32(byte), 2).uppercased()
        }.joined()
    }

    private func fileSize(_ value: TemplateValue, _ isBinary: Bool) throws -> String {
        guard let bytes = value.double ?? Double(value.text) else {
            throw TemplateError("filesizeformat needs a number, not \(value.kindName)")
        }
        let base = isBinary ? 1024.0 : 1000
        if bytes == 1 { return "1 Byte" }
        if bytes < base { return "\(Int(bytes)) Bytes" }
        let names =
            isBinary ? ["KiB", "MiB", "GiB", "TiB", "PiB"] : ["kB", "MB", "GB", "TB", "PB"]
        var unit = base
        for name in names {
            unit *= base
            if bytes < unit || name == names.last {
                return TemplateRun.printed(base * bytes / unit, "f", 1) + " " + name
            }
        }
        return ""
    }

    private func wrapped(_ text: String, _ given: GivenValues) throws -> String {
        let width = max(1, try given.int(0, "width") ?? 79)
        let end = try given.text(2, "wrapstring") ?? "\n"
        return TextMethods.lines(text).map { line in
            var (lines, current): ([String], String) = ([], "")
            for word in line.split(separator: " ").map(String.init) {
                let length = current.unicodeScalars.count + word.unicodeScalars.count + 1
                if !current.isEmpty && length > width {
                    lines.append(current)
                    current = word
                } else {
                    current += current.isEmpty ? word : " " + word
                }
            }
            return (lines + [current]).joined(separator: end)
        }.joined(separator: end)
    }

    private func wordCount(_ text: String) -> Int {
        var (count, isInside) = (0, false)
        for scalar in text.unicodeScalars {
            let isWord =
                scalar == "_" || scalar.properties.isAlphabetic
                || scalar.properties.numericType != nil
            if isWord && !isInside { count += 1 }
            isInside = isWord
        }
        return count
    }

    // MARK: numbers

    /// Filters of numbers; nil for others.
    func numberFilter(_ name: String, _ value: TemplateValue, _ given: GivenValues) throws
        -> TemplateValue?
    {
        switch name {
        case "abs":
            if let number = value.int, number != .min { return .integer(abs(number)) }
            guard let number = value.double else { throw TemplateError("abs of \(value.kindName)") }
            return .float(abs(number))
        case "int": return try integer(value, given)
        case "float":
            if value.isUndefined { throw TemplateError("\(value.kindName) is no number") }
            let parsed = value.double ?? value.string.flatMap { self.parsed($0) }
            return parsed.map { .float($0) } ?? given.value(0, "default") ?? .float(0)
        case "round": return try rounded(value, given)
        default: return nil
        }
    }

    private func parsed(_ text: String) -> Double? {
        Double(TextMethods.strip(text, nil, left: true, right: true).replacing("_", with: ""))
    }

    private func integer(_ value: TemplateValue, _ given: GivenValues) throws -> TemplateValue {
        let base = try given.int(1, "base") ?? 10
        if value.isUndefined { throw TemplateError("\(value.kindName) is no number") }
        if let number = value.int { return .integer(number) }
        if case .string(let text) = value {
            var word = TextMethods.strip(text, nil, left: true, right: true).replacing(
                "_", with: "")
            let prefixes = [16: "0x", 8: "0o", 2: "0b"]
            if let prefix = prefixes[base], word.lowercased().hasPrefix(prefix) {
                word = String(word.dropFirst(2))
            }
            if (2...36).contains(base), let number = Int(word, radix: base) {
                return .integer(number)
            }
        }
        let number = value.double ?? value.string.flatMap { parsed($0) }
        if let number, let whole = Int(exactly: number.rounded(.towardZero)) {
            return .integer(whole)
        }
        return given.value(0, "default") ?? .integer(0)
    }

    private func rounded(_ value: TemplateValue, _ given: GivenValues) throws -> TemplateValue {
        guard let number = value.double else { throw TemplateError("round of \(value.kindName)") }
        let precision = try given.int(0, "precision") ?? 0
        guard (-30...30).contains(precision) else {
            throw TemplateError("round to \(precision) places")
        }
        let power = (0..<abs(precision)).reduce(1.0) { power, _ in power * 10 }
        let factor = precision < 0 ? 1 / power : power
        let method = try given.text(1, "method") ?? "common"
        if case .integer(let whole) = value, method == "common", precision < 0, precision > -18 {
            // To a power of ten, the even one of two as near.
            let unit = Int(power)
            let (below, rest) = (whole - whole % unit, abs(whole % unit))
            let isFar = rest * 2 > unit || (rest * 2 == unit && (below / unit) % 2 != 0)
            return .integer(isFar ? below + (whole < 0 ? -unit : unit) : below)
        }
        switch method {
        case "ceil": return .float((number * factor).rounded(.up) / factor)
        case "floor": return .float((number * factor).rounded(.down) / factor)
        default:
            if case .integer = value, precision >= 0 { return value }
            guard precision >= 0, number.isFinite else {
                return .float((number * factor).rounded(.toNearestOrEven) / factor)
            }
            // Decimal digits decide, as in Python.
            return .float(Double(TemplateRun.printed(number, "f", precision)) ?? number)
        }
    }
}

extension String {
    func replacing(_ part: String, with other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}
