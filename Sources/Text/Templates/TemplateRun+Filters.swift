extension TemplateRun {
    static let filters: Set<String> = [
        "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e",
        "escape", "filesizeformat", "first", "float", "forceescape", "format", "groupby", "indent",
        "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "pprint",
        "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr",
        "slice",
        "sort", "string", "striptags", "sum", "title", "tojson", "trim", "truncate", "unique",
        "upper",
        "urlencode", "wordcount", "wordwrap",
    ]

    /// A filter's result.
    func filter(_ name: String, _ value: TemplateValue, _ given: GivenValues) throws
        -> TemplateValue
    {
        try charge()
        guard TemplateRun.filters.contains(name) else {
            throw TemplateError("there is no filter \(name)")
        }
        if let result = try textFilter(name, value, given) { return result }
        if let result = try numberFilter(name, value, given) { return result }
        if let result = try listFilter(name, value, given) { return result }
        switch name {
        case "default", "d":
            let isMissing = value.isUndefined || (given.flag(1, "boolean") && !value.isTrue)
            return isMissing ? given.value(0, "default_value") ?? .string("") : value
        case "length", "count": return .integer(try count(value))
        case "first":
            return try items(of: value).first ?? .undefined("the first item", isUnsafe: false)
        case "last":
            if case .sequence(_, .generator) = value {
                throw TemplateError("a generator has no last item")
            }
            return try items(of: value).last ?? .undefined("the last item", isUnsafe: false)
        case "attr":
            guard let name = try given.text(0, "name") else {
                throw TemplateError("attr needs a name")
            }
            if case .dictionary = value, !TemplateRun.hasMethod(name, value) {
                return .undefined(name, isUnsafe: false)
            }
            return try attribute(name, of: value)
        case "tojson": return .string(try json(value, given))
        case "items":
            if value.isUndefined { return .sequence([], .generator) }
            guard case .dictionary(let dictionary) = value else {
                throw TemplateError("items needs a mapping, not \(value.kindName)")
            }
            return .sequence(dictionary.items.map { .tuple([$0.key, $0.value]) }, .generator)
        case "dictsort": return try dictsort(value, given)
        default: throw TemplateError("there is no filter \(name)")
        }
    }

    private func count(_ value: TemplateValue) throws -> Int {
        switch value {
        case .string(let text): return text.unicodeScalars.count
        case .dictionary(let dictionary): return dictionary.items.count
        case .sequence(_, .generator): throw TemplateError("a generator has no length")
        case .namespace, .callable: throw TemplateError("\(value.kindName) has no length")
        case .loop(let loop): return loop.items.count
        default: return try items(of: value).count
        }
    }

    private func json(_ value: TemplateValue, _ given: GivenValues) throws -> String {
        var writer = TemplateJSON()
        writer.isASCII = given.flag(0, "ensure_ascii")
        writer.indent = try given.int(1, "indent")
        guard (writer.indent ?? 0) >= 0, (writer.indent ?? 0) <= 100 else {
            throw TemplateError("tojson: an indent beyond 0 to 100")
        }
        if writer.indent != nil { writer.itemSeparator = ", " }
        if let separators = given.value(2, "separators"), !separators.isNone {
            let parts = try items(of: separators).map(\.text)
            guard parts.count == 2 else { throw TemplateError("tojson: separators are two texts") }
            (writer.itemSeparator, writer.keySeparator) = (parts[0], parts[1])
        }
        writer.sortsKeys = given.flag(3, "sort_keys")
        try weigh(value)
        let text = try writer.text(of: value)
        try charge(text.utf8.count)
        return text
    }

    private func dictsort(_ value: TemplateValue, _ given: GivenValues) throws -> TemplateValue {
        guard case .dictionary(let dictionary) = value else {
            throw TemplateError("dictsort needs a mapping, not \(value.kindName)")
        }
        let isByValue = try given.text(1, "by") == "value"
        let pairs = dictionary.items.map { TemplateValue.tuple([$0.key, $0.value]) }
        let keys = dictionary.items.map { isByValue ? $0.value : $0.key }
        return .list(
            try sorted(
                pairs, by: keys, isCaseSensitive: given.flag(0, "case_sensitive"),
                isReversed: given.flag(2, "reverse")))
    }

    /// Items in the order of their keys, equals as they came.
    func sorted(
        _ items: [TemplateValue], by keys: [TemplateValue], isCaseSensitive: Bool, isReversed: Bool
    ) throws -> [TemplateValue] {
        // Each is compared with several others.
        for key in keys { for _ in 0..<4 { try weigh(key) } }
        let keys = isCaseSensitive ? keys : keys.map(folded)
        let order = try items.indices.sorted { a, b in
            let (first, second) = isReversed ? (b, a) : (a, b)
            guard let isBefore = keys[first].precedes(keys[second]) else {
                if keys[first].equals(keys[second]) { return a < b }
                throw TemplateError("\(keys[a].kindName) and \(keys[b].kindName) have no order")
            }
            if isBefore { return true }
            return keys[second].precedes(keys[first]) == true ? false : a < b
        }
        return order.map { items[$0] }
    }

    func folded(_ value: TemplateValue) -> TemplateValue {
        value.string.map { .string(TextMethods.lower($0)) } ?? value
    }
}

extension TemplateValue {
    var isNone: Bool { if case .none = self { true } else { false } }
}
