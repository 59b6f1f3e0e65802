/// Python's methods of texts. Characters are scalars, as there.
enum TextMethods {
    /// Methods that give a text; nil for others.
    static func change(_ name: String, _ text: String, _ given: GivenValues) throws -> String? {
        switch name {
        case "strip": return strip(text, try given.text(0, "chars"), left: true, right: true)
        case "lstrip": return strip(text, try given.text(0, "chars"), left: true, right: false)
        case "rstrip": return strip(text, try given.text(0, "chars"), left: false, right: true)
        case "upper": return map(text) { $0.properties.uppercaseMapping }
        case "lower", "casefold": return lower(text)
        case "title": return title(text)
        case "capitalize": return capitalize(text)
        case "swapcase":
            return map(text) {
                $0.properties.isUppercase
                    ? $0.properties.lowercaseMapping : $0.properties.uppercaseMapping
            }
        case "replace":
            guard let old = try given.text(0, "old"), let new = try given.text(1, "new") else {
                throw TemplateError("replace needs two texts")
            }
            return try replace(text, old, new, given.int(2, "count") ?? -1)
        case "zfill", "center", "ljust", "rjust": return try pad(name, text, given)
        case "removeprefix", "removesuffix":
            let (whole, part) = (text.scalars, (try given.text(0, "part") ?? "").scalars)
            let isPrefix = name == "removeprefix"
            guard isPrefix ? whole.starts(with: part) : whole.suffix(part.count).elementsEqual(part)
            else {
                return text
            }
            let rest = isPrefix ? whole.dropFirst(part.count) : whole.dropLast(part.count)
            return String(String.UnicodeScalarView(rest))
        default: return nil
        }
    }

    static func map(_ text: String, _ transform: (Unicode.Scalar) -> String) -> String {
        text.unicodeScalars.map(transform).joined()
    }

    /// In lower case; a sigma that ends a word has a form of its own.
    static func lower(_ text: String) -> String {
        guard text.unicodeScalars.contains("Σ") else {
            return map(text) { $0.properties.lowercaseMapping }
        }
        let scalars = text.scalars
        return scalars.indices.map { i in
            guard scalars[i] == "Σ" else { return scalars[i].properties.lowercaseMapping }
            let before =
                scalars[..<i].last { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
            let behind =
                scalars[(i + 1)...].first { !$0.properties.isCaseIgnorable }?.properties.isCased
                ?? false
            return before && !behind ? "ς" : "σ"
        }.joined()
    }

    static func capitalize(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return "" }
        let rest = String(text.unicodeScalars.dropFirst())
        return first.properties.titlecaseMapping + lower(rest)
    }

    private static func title(_ text: String) -> String {
        var follows = false
        return map(text) { scalar in
            defer { follows = scalar.properties.isCased }
            return follows ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
        }
    }

    static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
    }

    static func strip(_ text: String, _ characters: String?, left: Bool, right: Bool) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        let drops = { (scalar: Unicode.Scalar) in set?.contains(scalar) ?? isBlank(scalar) }
        var scalars = text.unicodeScalars[...]
        while left, let first = scalars.first, drops(first) { scalars.removeFirst() }
        while right, let last = scalars.last, drops(last) { scalars.removeLast() }
        return String(scalars)
    }

    static func replace(_ text: String, _ old: String, _ new: String, _ count: Int) throws -> String
    {
        let (whole, part) = (text.scalars, old.scalars)
        var result = String.UnicodeScalarView()
        var (left, i) = (count, 0)
        if part.isEmpty {
            for scalar in whole {
                if left != 0 { result.append(contentsOf: new.unicodeScalars) }
                left -= 1
                result.append(scalar)
            }
            if left != 0 { result.append(contentsOf: new.unicodeScalars) }
            return String(result)
        }
        var size = 0
        while left != 0, let place = whole.firstIndex(of: part, from: i) {
            result.append(contentsOf: whole[i..<place])
            result.append(contentsOf: new.unicodeScalars)
            i = place + part.count
            left -= 1
            size += new.utf8.count
            guard size <= 16 << 20 else {
                throw TemplateError("a replacement makes too long a text")
            }
        }
        result.append(contentsOf: whole[i...])
        return String(result)
    }

    private static func pad(_ name: String, _ text: String, _ given: GivenValues) throws -> String {
        guard let width = try given.int(0, "width"), width <= 1 << 20 else {
            throw TemplateError("\(name) needs a width below a million")
        }
        let fill = try given.text(1, "fillchar") ?? " "
        let missing = max(0, width - text.unicodeScalars.count)
        func filled(_ count: Int) -> String { String(repeating: fill, count: count) }
        switch name {
        case "ljust": return text + filled(missing)
        case "rjust": return filled(missing) + text
        case "center":
            let left = missing / 2 + (missing & width & 1)
            return filled(left) + text + filled(missing - left)
        default:
            let sign = text.prefix { "+-".contains($0) }.prefix(1)
            return sign + String(repeating: "0", count: missing) + text.dropFirst(sign.count)
        }
    }

    // MARK: questions

    /// Methods that say whether a text is so; nil for others.
    static func question(_ name: String, _ text: String) -> Bool? {
        let scalars = text.unicodeScalars
        func all(_ isSo: (Unicode.Scalar.Properties) -> Bool) -> Bool {
            !scalars.isEmpty && scalars.allSatisfy { isSo($0.properties) }
        }
        func isLetter(_ properties: Unicode.Scalar.Properties) -> Bool {
            switch properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter,
                .otherLetter:
                true
            default: false
            }
        }
        switch name {
        case "isdigit": return all { $0.numericType == .decimal || $0.numericType == .digit }
        case "isdecimal": return all { $0.numericType == .decimal }
        case "isnumeric": return all { $0.numericType != nil }
        case "isalpha": return all(isLetter)
        case "isalnum": return all { isLetter($0) || $0.numericType != nil }
        case "isspace": return !scalars.isEmpty && scalars.allSatisfy(isBlank)
        case "isupper":
            return scalars.contains { $0.properties.isUppercase }
                && !scalars.contains { $0.properties.isLowercase }
        case "islower":
            return scalars.contains { $0.properties.isLowercase }
                && !scalars.contains { $0.properties.isUppercase }
        default: return nil
        }
    }

    /// Whether a text begins or ends with a part, or with one of several.
    static func begins(_ text: String, _ given: GivenValues, atEnd: Bool) throws -> Bool {
        var parts = given.values.prefix(1).map { $0 }
        if case .tuple(let items) = given.values.first { parts = items }
        return try parts.contains { part in
            guard let part = part.string else {
                throw TemplateError("\(part.kindName) is no beginning or end of a text")
            }
            return atEnd
                ? text.utf8.suffix(part.utf8.count).elementsEqual(part.utf8)
                : text.utf8.starts(with: part.utf8)
        }
    }

    static func search(_ name: String, _ text: String, _ given: GivenValues) throws -> Int {
        guard let part = try given.text(0, "sub")?.scalars else {
            throw TemplateError("\(name) needs a text")
        }
        let whole = text.scalars
        let bound = { (value: Int) in
            max(0, min(whole.count, value < 0 ? value + whole.count : value))
        }
        let start = bound(try given.int(1, "start") ?? 0)
        let end = bound(try given.int(2, "end") ?? whole.count)
        guard start <= end else { return name == "count" ? 0 : -1 }
        let stretch = Array(whole[start..<end])
        if name == "count" {
            if part.isEmpty { return stretch.count + 1 }
            var (count, i) = (0, 0)
            while let place = stretch.firstIndex(of: part, from: i) {
                count += 1
                i = place + part.count
            }
            return count
        }
        var found = stretch.firstIndex(of: part, from: 0)
        if name == "rfind" {
            found = found.map { _ in
                (0...(stretch.count - part.count)).last { stretch[$0...].starts(with: part) } ?? 0
            }
        }
        if name == "index", found == nil { throw TemplateError("the text has no such part") }
        return found.map { $0 + start } ?? -1
    }

    // MARK: splitting

    static func split(_ text: String, _ separator: String?, _ most: Int, isLast: Bool) throws
        -> [String]
    {
        let scalars = text.scalars
        // From the end, everything is turned around.
        let whole = isLast ? Array(scalars.reversed()) : scalars
        var parts: [ArraySlice<Unicode.Scalar>] = []
        var (i, left) = (0, most)
        if let separator {
            guard !separator.isEmpty else { throw TemplateError("an empty separator") }
            let part = isLast ? Array(separator.scalars.reversed()) : separator.scalars
            while left != 0, let place = whole.firstIndex(of: part, from: i) {
                parts.append(whole[i..<place])
                i = place + part.count
                left -= 1
            }
            parts.append(whole[i...])
        } else {
            while true {
                while i < whole.count, isBlank(whole[i]) { i += 1 }
                guard i < whole.count else { break }
                if left == 0 {
                    var rest = whole[i...]
                    while let last = rest.last, isBlank(last) { rest.removeLast() }
                    parts.append(rest)
                    break
                }
                let start = i
                while i < whole.count, !isBlank(whole[i]) { i += 1 }
                parts.append(whole[start..<i])
                left -= 1
            }
        }
        let texts = parts.map { part in
            isLast
                ? String(String.UnicodeScalarView(part.reversed()))
                : String(String.UnicodeScalarView(part))
        }
        return isLast ? texts.reversed() : texts
    }

    static func lines(_ text: String, keepsEnds: Bool = false) -> [String] {
        var lines: [String] = []
        let scalars = text.scalars
        var (start, i) = (0, 0)
        let ends: Set<UInt32> = [0xa, 0xb, 0xc, 0xd, 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029]
        while i < scalars.count {
            guard ends.contains(scalars[i].value) else {
                i += 1
                continue
            }
            let isPair = scalars[i] == "\r" && i + 1 < scalars.count && scalars[i + 1] == "\n"
            let next = i + (isPair ? 2 : 1)
            lines.append(String(String.UnicodeScalarView(scalars[start..<(keepsEnds ? next : i)])))
            (start, i) = (next, next)
        }
        if start < scalars.count {
            lines.append(String(String.UnicodeScalarView(scalars[start...])))
        }
        return lines
    }

    static func partition(_ text: String, _ separator: String, isLast: Bool) -> [String] {
        let parts = (try? split(text, separator, 1, isLast: isLast)) ?? [text]
        guard parts.count == 2 else { return isLast ? ["", "", text] : [text, "", ""] }
        return [parts[0], separator, parts[1]]
    }
}
