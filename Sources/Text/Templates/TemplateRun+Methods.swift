extension TemplateRun {
    private static let textMethods: Set<String> = [
        "strip", "lstrip", "rstrip", "upper", "lower", "title", "capitalize", "swapcase",
        "casefold",
        "split", "rsplit", "splitlines", "startswith", "endswith", "find", "rfind", "index",
        "count",
        "replace", "join", "format", "isdigit", "isalpha", "isalnum", "isspace", "isupper",
        "islower",
        "isnumeric", "isdecimal", "zfill", "center", "ljust", "rjust", "partition", "rpartition",
        "removeprefix", "removesuffix",
    ]
    private static let listMethods: Set<String> = ["index", "count", "copy"]
    private static let dictionaryMethods: Set<String> = ["keys", "values", "items", "get", "copy"]
    /// Methods that Python has and that change things: seen, but refused.
    private static let refused: Set<String> = [
        "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update",
        "setdefault", "popitem",
    ]

    static func hasMethod(_ name: String, _ value: TemplateValue) -> Bool {
        switch value {
        case .string: textMethods.contains(name)
        case .list: listMethods.contains(name)
        case .tuple: name == "index" || name == "count"
        case .dictionary: dictionaryMethods.contains(name)
        case .callable(.cycler): name == "next" || name == "reset"
        case .float: name == "is_integer"
        default: false
        }
    }

    static func isRefused(_ name: String, _ value: TemplateValue) -> Bool {
        switch value {
        case .list:
            refused.contains(name) && name != "update" && name != "setdefault" && name != "popitem"
        case .dictionary: ["pop", "clear", "update", "setdefault", "popitem"].contains(name)
        default: false
        }
    }

    func method(_ name: String, of value: TemplateValue, _ given: GivenValues) throws
        -> TemplateValue
    {
        switch value {
        case .string(let text):
            try charge(text.utf8.count)
            return try method(name, ofText: text, given)
        case .list(let items), .tuple(let items):
            if name == "copy" { return value }
            guard let wanted = given.values.first else {
                throw TemplateError("\(name) needs a value")
            }
            try charge(items.count)
            if name == "count" { return .integer(items.count { $0.equals(wanted) }) }
            guard let place = items.firstIndex(where: { $0.equals(wanted) }) else {
                throw TemplateError("\(wanted.representation) is not in the list")
            }
            return .integer(place)
        case .dictionary(let dictionary): return method(name, of: dictionary, given)
        case .callable(.cycler(let cycle)):
            if name == "reset" { cycle.index = 0 }
            if name == "reset" { return .none }
            defer { cycle.index = (cycle.index + 1) % cycle.items.count }
            return cycle.items[cycle.index]
        case .float(let number): return .bool(number.rounded() == number)
        default: throw TemplateError("\(value.kindName) has no \(name)")
        }
    }

    private func method(_ name: String, of dictionary: TemplateDictionary, _ given: GivenValues)
        -> TemplateValue
    {
        switch name {
        case "keys": return .sequence(dictionary.items.map(\.key), .keys)
        case "values": return .sequence(dictionary.items.map(\.value), .values)
        case "items": return .sequence(dictionary.items.map { .tuple([$0.key, $0.value]) }, .items)
        case "get":
            return given.values.first.flatMap { dictionary[$0] } ?? given.value(1, "default")
                ?? .none
        default: return .dictionary(dictionary)
        }
    }

    private func method(_ name: String, ofText text: String, _ given: GivenValues) throws
        -> TemplateValue
    {
        if let value = try TextMethods.change(name, text, given) {
            try charge(value.utf8.count)
            return .string(value)
        }
        if let value = TextMethods.question(name, text) { return .bool(value) }
        switch name {
        case "split", "rsplit":
            let parts = try TextMethods.split(
                text, given.text(0, "sep"), given.int(1, "maxsplit") ?? -1, isLast: name == "rsplit"
            )
            try charge(parts.count)
            return .list(parts.map { .string($0) })
        case "splitlines":
            let parts = TextMethods.lines(text, keepsEnds: given.flag(0, "keepends"))
            return .list(parts.map { .string($0) })
        case "partition", "rpartition":
            return .tuple(
                TextMethods.partition(
                    text, try given.text(0, "sep") ?? "", isLast: name == "rpartition"
                ).map { .string($0) })
        case "startswith", "endswith":
            return .bool(try TextMethods.begins(text, given, atEnd: name == "endswith"))
        case "find", "rfind", "index", "count":
            return .integer(try TextMethods.search(name, text, given))
        case "join":
            guard let list = given.values.first else { throw TemplateError("join needs a list") }
            let parts = try items(of: list).map { item in
                guard let part = item.string else {
                    throw TemplateError("join needs texts, not \(item.kindName)")
                }
                return part
            }
            try charge(parts.reduce(text.utf8.count * parts.count) { $0 + $1.utf8.count })
            return .string(parts.joined(separator: text))
        case "format": return .string(try braces(text, given))
        default: throw TemplateError("a text has no \(name)")
        }
    }

    /// `"{} {0} {name}".format(…)`, without attributes and without formats.
    private func braces(_ text: String, _ given: GivenValues) throws -> String {
        var (result, next) = ("", 0)
        var rest = text.scalars[...]
        while let scalar = rest.popFirst() {
            if (scalar == "{" || scalar == "}") && rest.first == scalar {
                result.unicodeScalars.append(scalar)
                rest = rest.dropFirst()
                continue
            }
            guard scalar == "{" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            guard let end = rest.firstIndex(of: "}") else { throw TemplateError("a { without }") }
            let name = String(String.UnicodeScalarView(rest[..<end]))
            rest = rest[(end + 1)...]
            let value: TemplateValue?
            if let place = name.isEmpty ? next : Int(name) {
                value = given.values.indices.contains(place) ? given.values[place] : nil
                next += 1
            } else {
                value = given.named.last { $0.name == name }?.value
            }
            guard let value else { throw TemplateError("format: there is no value for {\(name)}") }
            result += try self.text(of: value)
            try charge(result.utf8.count)
        }
        return result
    }
}
