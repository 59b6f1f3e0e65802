extension TemplateRun {
    func evaluate(_ expression: Expression, _ scope: TemplateScope) throws -> TemplateValue {
        try charge()
        return try deeper { try value(of: expression, scope) }
    }

    private func value(of expression: Expression, _ scope: TemplateScope) throws -> TemplateValue {
        switch expression {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .float(let value): return .float(value)
        case .string(let text): return .string(text)
        case .name(let name): return scope.find(name) ?? .undefined(name, isUnsafe: false)
        case .list(let items): return .list(try items.map { try evaluate($0, scope) })
        case .tuple(let items): return .tuple(try items.map { try evaluate($0, scope) })
        case .dictionary(let items):
            var dictionary = TemplateDictionary()
            for (key, value) in items {
                dictionary[try hashable(evaluate(key, scope))] = try evaluate(value, scope)
            }
            return .dictionary(dictionary)
        case .attribute(let base, let name): return try attribute(name, of: evaluate(base, scope))
        case .item(let base, let key):
            return try item(evaluate(key, scope), of: evaluate(base, scope))
        case .slice(let base, let from, let to, let step):
            let bounds = try [from, to, step].map {
                try $0.map { try evaluate($0, scope) } ?? .none
            }
            return try slice(evaluate(base, scope), bounds)
        case .call: return try call(expression, scope, caller: nil)
        case .filter(let base, let name, let arguments):
            return try filter(name, evaluate(base, scope), given(arguments, scope))
        case .test(let base, let name, let arguments, let isNegated):
            let isSo = try test(name, evaluate(base, scope), given(arguments, scope).values)
            return .bool(isSo != isNegated)
        case .not(let base): return .bool(!(try evaluate(base, scope).isTrue))
        case .and(let a, let b):
            let first = try evaluate(a, scope)
            return first.isTrue ? try evaluate(b, scope) : first
        case .or(let a, let b):
            let first = try evaluate(a, scope)
            return first.isTrue ? first : try evaluate(b, scope)
        case .condition(let test, let then, let otherwise):
            if try evaluate(test, scope).isTrue { return try evaluate(then, scope) }
            return try otherwise.map { try evaluate($0, scope) } ?? .undefined("", isUnsafe: false)
        case .negative, .positive, .binary, .comparison, .concatenation:
            return try result(of: expression, scope)
        }
    }

    private func result(of expression: Expression, _ scope: TemplateScope) throws -> TemplateValue {
        switch expression {
        case .negative(let base):
            return try binary("-", .integer(0), evaluate(base, scope), isSign: true)
        case .positive(let base):
            return try binary("+", .integer(0), evaluate(base, scope), isSign: true)
        case .binary(let sign, let a, let b):
            return try binary(sign, evaluate(a, scope), evaluate(b, scope))
        case .comparison(let first, let rest):
            var left = try evaluate(first, scope)
            for (sign, next) in rest {
                let right = try evaluate(next, scope)
                guard try compare(sign, left, right) else { return .bool(false) }
                left = right
            }
            return .bool(true)
        case .concatenation(let parts):
            let text = try parts.map { try self.text(of: evaluate($0, scope)) }.joined()
            try charge(text.utf8.count)
            return .string(text)
        default: return .none
        }
    }

    func compare(_ sign: String, _ a: TemplateValue, _ b: TemplateValue) throws -> Bool {
        switch sign {
        case "==", "!=":
            try weigh(a)
            return a.equals(b) == (sign == "==")
        case "in": return try contains(b, a)
        case "not in": return try !contains(b, a)
        default:
            try weigh(a)
            let isLess = sign.hasPrefix("<") ? a.precedes(b) : b.precedes(a)
            guard let isLess else {
                throw TemplateError("\(a.kindName) \(sign) \(b.kindName) has no meaning")
            }
            return isLess || (sign.hasSuffix("=") && a.equals(b))
        }
    }

    private func contains(_ whole: TemplateValue, _ part: TemplateValue) throws -> Bool {
        switch whole {
        case .string(let text):
            guard case .string(let part) = part else {
                throw TemplateError("\(part.kindName) is never in a text")
            }
            try charge(text.utf8.count)
            return text.scalars.firstIndex(of: part.scalars, from: 0) != nil
        case .dictionary(let dictionary): return dictionary[part] != nil
        default:
            try weigh(whole)
            return try items(of: whole).contains { $0.equals(part) }
        }
    }

    private func hashable(_ value: TemplateValue) throws -> TemplateValue {
        switch value {
        case .list, .dictionary: throw TemplateError("\(value.kindName) cannot be a key")
        default: return value
        }
    }

    // MARK: attributes and items

    func attribute(_ name: String, of value: TemplateValue) throws -> TemplateValue {
        if case .undefined(let what, let isUnsafe) = value {
            throw TemplateError(
                isUnsafe ? "\(what) is not allowed" : "\(what) is undefined: it has no \(name)")
        }
        if name.hasPrefix("_") { return .undefined("the attribute \(name)", isUnsafe: true) }
        switch value {
        case .loop(let loop): return try attribute(name, of: loop)
        case .namespace(let space):
            return space.values[name] ?? .undefined(name, isUnsafe: false)
        case .callable(.cycler(let cycle)):
            if name == "current", !cycle.items.isEmpty { return cycle.items[cycle.index] }
        case .callable(.macro(let macro, _)): if name == "name" { return .string(macro.name) }
        default: break
        }
        if TemplateRun.hasMethod(name, value) { return .callable(.method(.init(value), name)) }
        if TemplateRun.isRefused(name, value) {
            return .undefined("\(name) of \(value.kindName)", isUnsafe: true)
        }
        if case .dictionary(let dictionary) = value, let found = dictionary[name] { return found }
        return .undefined(name, isUnsafe: false)
    }

    private func attribute(_ name: String, of loop: TemplateValue.LoopState) throws -> TemplateValue
    {
        let (index, count) = (loop.index, loop.items.count)
        switch name {
        case "index": return .integer(index + 1)
        case "index0": return .integer(index)
        case "revindex": return .integer(count - index)
        case "revindex0": return .integer(count - index - 1)
        case "first": return .bool(index == 0)
        case "last": return .bool(index == count - 1)
        case "length": return .integer(count)
        case "depth": return .integer(loop.depth)
        case "depth0": return .integer(loop.depth - 1)
        case "previtem":
            return index > 0 ? loop.items[index - 1] : .undefined("loop.previtem", isUnsafe: false)
        case "nextitem":
            return index + 1 < count
                ? loop.items[index + 1] : .undefined("loop.nextitem", isUnsafe: false)
        case "cycle", "changed": return .callable(.method(.init(.loop(loop)), name))
        default: return .undefined("loop.\(name)", isUnsafe: false)
        }
    }

    func item(_ key: TemplateValue, of value: TemplateValue) throws -> TemplateValue {
        switch value {
        case .undefined(let what, _): throw TemplateError("\(what) is undefined: it has no items")
        case .dictionary(let dictionary):
            if let found = dictionary[key] { return found }
        case .list(let items), .tuple(let items), .sequence(let items, .range):
            if let index = key.int {
                let place = index < 0 ? items.count + index : index
                return items.indices.contains(place)
                    ? items[place] : .undefined("item \(index)", isUnsafe: false)
            }
        case .string(let text):
            if let index = key.int {
                let scalars = text.scalars
                try charge(scalars.count)
                let place = index < 0 ? scalars.count + index : index
                return scalars.indices.contains(place)
                    ? .string(String(scalars[place])) : .undefined("item \(index)", isUnsafe: false)
            }
        default: break
        }
        guard case .string(let name) = key else {
            return .undefined("item \(key.representation)", isUnsafe: false)
        }
        return try attribute(name, of: value)
    }

    /// Python's slices.
    private func slice(_ value: TemplateValue, _ bounds: [TemplateValue]) throws -> TemplateValue {
        let numbers = try bounds.map { bound -> Int? in
            if case .none = bound { return nil }
            guard let number = bound.int else {
                throw TemplateError("\(bound.kindName) as the bound of a slice")
            }
            return number
        }
        switch value {
        case .string(let text):
            let scalars = text.scalars
            let places = try places(numbers, scalars.count)
            return .string(String(String.UnicodeScalarView(places.map { scalars[$0] })))
        case .list(let items): return .list(try places(numbers, items.count).map { items[$0] })
        case .tuple(let items): return .tuple(try places(numbers, items.count).map { items[$0] })
        case .sequence(let items, .range):
            return .sequence(try places(numbers, items.count).map { items[$0] }, .range)
        case .undefined(let what, _): throw TemplateError("\(what) is undefined: it has no items")
        default: return .undefined("a slice of \(value.kindName)", isUnsafe: false)
        }
    }

    private func places(_ bounds: [Int?], _ count: Int) throws -> [Int] {
        let step = bounds[2] ?? 1
        guard step != 0 else { throw TemplateError("a slice with a step of 0") }
        try charge(count)
        let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
        func place(_ bound: Int?, _ fallback: Int) -> Int {
            guard let bound else { return fallback }
            return max(low, min(high, bound < 0 ? max(-1, bound &+ count) : bound))
        }
        let start = place(bounds[0], step > 0 ? low : high)
        let end = place(bounds[1], step > 0 ? high : low)
        guard step > -count - 1, step < count + 1 else {
            return (step > 0 ? start < end : start > end) ? [start] : []
        }
        return Array(stride(from: start, to: end, by: step))
    }
}

extension String {
    var scalars: [Unicode.Scalar] { Array(unicodeScalars) }

}

extension [Unicode.Scalar] {
    /// Where a part begins, at a place or behind it.
    func firstIndex(of part: [Unicode.Scalar], from start: Int) -> Int? {
        guard !part.isEmpty else { return start <= count ? start : nil }
        // How far the part's beginning is repeated at each place of it: no text is read twice.
        var borders = [0]
        var matched = 0
        for scalar in part.dropFirst() {
            while matched > 0, part[matched] != scalar { matched = borders[matched - 1] }
            if part[matched] == scalar { matched += 1 }
            borders.append(matched)
        }
        matched = 0
        for i in Swift.max(0, start)..<Swift.max(count, start) {
            while matched > 0, part[matched] != self[i] { matched = borders[matched - 1] }
            if part[matched] == self[i] { matched += 1 }
            if matched == part.count { return i + 1 - matched }
        }
        return nil
    }
}
