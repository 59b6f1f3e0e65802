extension TemplateRun {
    /// Filters of lists; nil for others.
    func listFilter(_ name: String, _ value: TemplateValue, _ given: GivenValues) throws
        -> TemplateValue?
    {
        switch name {
        case "list": return .list(try items(of: value))
        case "join": return .string(try joined(value, given))
        case "reverse":
            if case .string(let text) = value {
                return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
            }
            return .sequence(try items(of: value).reversed(), .generator)
        case "sort":
            let items = try items(of: value)
            let keys = try self.keys(items, given.value(2, "attribute"))
            return .list(
                try sorted(
                    items, by: keys, isCaseSensitive: given.flag(1, "case_sensitive"),
                    isReversed: given.flag(0, "reverse")))
        case "min", "max": return try extreme(name, value, given)
        case "sum":
            let items = try self.keys(items(of: value), given.value(0, "attribute"))
            return try items.reduce(given.value(1, "start") ?? .integer(0)) {
                try binary("+", $0, $1)
            }
        case "unique": return try unique(value, given)
        case "groupby": return try grouped(value, given)
        case "batch", "slice": return try cut(name, value, given)
        case "map": return try map(value, given)
        case "select", "reject", "selectattr", "rejectattr":
            return try select(name, value, given)
        default: return nil
        }
    }

    /// An attribute of a value, by a path of names and indices between points.
    private func resolve(_ path: TemplateValue, _ value: TemplateValue) throws -> TemplateValue {
        if let index = path.int { return try item(.integer(index), of: value) }
        return try path.text.split(separator: ".").reduce(value) { value, part in
            try item(Int(part).map { .integer($0) } ?? .string(String(part)), of: value)
        }
    }

    /// What items are sorted or summed by.
    private func keys(_ items: [TemplateValue], _ path: TemplateValue?) throws -> [TemplateValue] {
        guard let path, !path.isNone else { return items }
        return try items.map { item in
            try charge()
            return try resolve(path, item)
        }
    }

    private func joined(_ value: TemplateValue, _ given: GivenValues) throws -> String {
        let parts = try keys(items(of: value), given.value(1, "attribute")).map {
            try self.text(of: $0)
        }
        let separator = given.value(0, "d")?.text ?? ""
        try charge(parts.reduce(separator.utf8.count * parts.count) { $0 + $1.utf8.count })
        return parts.joined(separator: separator)
    }

    private func extreme(_ name: String, _ value: TemplateValue, _ given: GivenValues) throws
        -> TemplateValue
    {
        try weigh(value)
        let items = try items(of: value)
        let keys = try keys(items, given.value(1, "attribute")).map {
            given.flag(0, "case_sensitive") ? $0 : folded($0)
        }
        guard var best = items.indices.first else { return .undefined("an item", isUnsafe: false) }
        for place in items.indices.dropFirst() {
            let (a, b) = name == "min" ? (keys[place], keys[best]) : (keys[best], keys[place])
            guard let isBetter = a.precedes(b) else {
                throw TemplateError("\(a.kindName) and \(b.kindName) have no order")
            }
            if isBetter { best = place }
        }
        return items[best]
    }

    private func unique(_ value: TemplateValue, _ given: GivenValues) throws -> TemplateValue {
        try weigh(value)
        let items = try items(of: value)
        let keys = try keys(items, given.value(1, "attribute")).map {
            given.flag(0, "case_sensitive") ? $0 : folded($0)
        }
        var seen = TemplateDictionary()
        var result: [TemplateValue] = []
        for (item, key) in zip(items, keys) where seen[key] == nil {
            try charge(key.string == nil ? seen.items.count : 0)
            seen[key] = item
            result.append(item)
        }
        return .sequence(result, .generator)
    }

    private func grouped(_ value: TemplateValue, _ given: GivenValues) throws -> TemplateValue {
        guard let path = given.value(0, "attribute") else {
            throw TemplateError("groupby needs an attribute")
        }
        let items = try items(of: value)
        var keys = try keys(items, path)
        if let fallback = given.value(1, "default") {
            keys = keys.map { $0.isUndefined ? fallback : $0 }
        }
        let pairs = zip(keys, items).map { TemplateValue.tuple([$0, $1]) }
        let ordered = try sorted(
            pairs, by: keys, isCaseSensitive: given.flag(2, "case_sensitive"), isReversed: false)
        var groups: [(key: TemplateValue, items: [TemplateValue])] = []
        for case .tuple(let pair) in ordered {
            if let last = groups.last, folded(last.key).equals(folded(pair[0])) {
                groups[groups.count - 1].items.append(pair[1])
            } else {
                groups.append((pair[0], [pair[1]]))
            }
        }
        return .list(groups.map { .tuple([$0.key, .list($0.items)]) })
    }

    /// Rows of so many items, or so many rows.
    private func cut(_ name: String, _ value: TemplateValue, _ given: GivenValues) throws
        -> TemplateValue
    {
        let items = try items(of: value)
        guard let count = try given.int(0, name == "batch" ? "linecount" : "slices"), count > 0,
            count <= 100_000
        else { throw TemplateError("\(name) needs a number above 0") }
        let fill = given.value(1, "fill_with").flatMap { $0.isNone ? nil : $0 }
        var rows: [[TemplateValue]] = []
        if name == "batch" {
            for start in stride(from: 0, to: items.count, by: count) {
                rows.append(Array(items[start..<min(start + count, items.count)]))
            }
            if let fill, let last = rows.last {
                rows[rows.count - 1] += Array(repeating: fill, count: count - last.count)
            }
        } else {
            let (size, extra) = items.count.quotientAndRemainder(dividingBy: count)
            var start = 0
            for row in 0..<count {
                let end = start + size + (row < extra ? 1 : 0)
                rows.append(Array(items[start..<end]))
                if let fill, row >= extra, extra > 0 { rows[row].append(fill) }
                start = end
            }
        }
        try charge(rows.count)
        return .sequence(rows.map { .list($0) }, .generator)
    }

    private func map(_ value: TemplateValue, _ given: GivenValues) throws -> TemplateValue {
        let items = try items(of: value)
        if let path = given.named.last(where: { $0.name == "attribute" })?.value {
            let fallback = given.named.last { $0.name == "default" }?.value
            return .sequence(
                try keys(items, path).map { $0.isUndefined ? fallback ?? $0 : $0 }, .generator)
        }
        guard let name = given.values.first?.string else {
            throw TemplateError("map needs a filter")
        }
        let rest = GivenValues(values: Array(given.values.dropFirst()), named: given.named)
        return .sequence(try deeper { try items.map { try filter(name, $0, rest) } }, .generator)
    }

    /// The items that pass a test, or of which an attribute does; without a test, those that are true.
    private func select(_ name: String, _ value: TemplateValue, _ given: GivenValues) throws
        -> TemplateValue
    {
        var rest = given.values[...]
        let path = name.hasSuffix("attr") ? rest.popFirst() : nil
        if name.hasSuffix("attr") && path == nil {
            throw TemplateError("\(name) needs an attribute")
        }
        let check = rest.popFirst()?.string
        let keeps = name.hasPrefix("select")
        let kept = try items(of: value).filter { item in
            try charge()
            let value = try path.map { try resolve($0, item) } ?? item
            let isSo = try check.map { try test($0, value, Array(rest)) } ?? value.isTrue
            return isSo == keeps
        }
        return .sequence(kept, .generator)
    }
}
