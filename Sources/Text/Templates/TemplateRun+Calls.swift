import Glibc

/// The values of a call.
struct GivenValues {
    var values: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    /// A parameter by its place or name.
    func value(_ place: Int, _ name: String) -> TemplateValue? {
        place < values.count ? values[place] : named.last { $0.name == name }?.value
    }

    func int(_ place: Int, _ name: String) throws -> Int? {
        guard let value = value(place, name) else { return nil }
        if case .none = value { return nil }
        guard let number = value.int else {
            throw TemplateError("\(name) must be a whole number, not \(value.kindName)")
        }
        return number
    }

    func text(_ place: Int, _ name: String) throws -> String? {
        guard let value = value(place, name) else { return nil }
        if case .none = value { return nil }
        guard let text = value.string else {
            throw TemplateError("\(name) must be a text, not \(value.kindName)")
        }
        return text
    }

    func flag(_ place: Int, _ name: String) -> Bool { value(place, name)?.isTrue ?? false }
}

extension TemplateRun {
    /// The functions that every template has.
    static let functions = [
        "range", "dict", "namespace", "cycler", "joiner", "lipsum", "raise_exception",
        "strftime_now",
    ]

    func given(_ arguments: CallArguments, _ scope: TemplateScope) throws -> GivenValues {
        GivenValues(
            values: try arguments.values.map { try evaluate($0, scope) },
            named: try arguments.named.map { ($0.name, try evaluate($0.value, scope)) })
    }

    /// Calls what an expression names; `caller` is the body that a call block hands over.
    func call(_ expression: Expression, _ scope: TemplateScope, caller: Macro?) throws
        -> TemplateValue
    {
        guard case .call(let base, let arguments) = expression else { return .none }
        let callee = try evaluate(base, scope)
        var given = try given(arguments, scope)
        if let caller { given.named.append(("caller", .callable(.macro(caller, scope)))) }
        return try call(callee, given)
    }

    func call(_ callee: TemplateValue, _ given: GivenValues) throws -> TemplateValue {
        try charge()
        switch callee {
        case .callable(.function(let name)): return try function(name, given)
        case .callable(.method(let box, let name)):
            if case .loop(let loop) = box.value { return try method(name, of: loop, given) }
            return try method(name, of: box.value, given)
        case .callable(.macro(let macro, let scope)): return try run(macro, scope, given)
        case .callable(.joiner(let cycle)):
            cycle.index += 1
            return cycle.index == 1 ? .string("") : cycle.items[0]
        case .loop(let loop): return try recurse(loop, given)
        case .undefined(let what, let isUnsafe):
            throw TemplateError(isUnsafe ? "\(what) is not allowed" : "\(what) is undefined")
        default: throw TemplateError("\(callee.kindName) cannot be called")
        }
    }

    private func run(_ macro: Macro, _ scope: TemplateScope, _ given: GivenValues) throws
        -> TemplateValue
    {
        let inner = TemplateScope(scope)
        guard given.values.count <= macro.parameters.count || macro.takesMore else {
            throw TemplateError("\(macro.name) takes \(macro.parameters.count) values at most")
        }
        for (place, parameter) in macro.parameters.enumerated() {
            if let value = given.value(place, parameter.name) {
                inner.values[parameter.name] = try checked(value)
            } else if let fallback = parameter.value {
                inner.values[parameter.name] = try evaluate(fallback, inner)
            } else {
                inner.values[parameter.name] = .undefined(parameter.name, isUnsafe: false)
            }
        }
        var others = TemplateDictionary()
        for (name, value) in given.named
        where !macro.parameters.contains(where: { $0.name == name }) {
            guard name == "caller" || macro.takesMoreNamed else {
                throw TemplateError("\(macro.name) takes no \(name)")
            }
            if name == "caller" { inner.values[name] = value } else { others[name] = value }
        }
        let rest = TemplateValue.tuple(Array(given.values.dropFirst(macro.parameters.count)))
        if macro.takesMore { inner.values["varargs"] = try checked(rest) }
        if macro.takesMoreNamed { inner.values["kwargs"] = try checked(.dictionary(others)) }
        return .string(try deeper { try caught(macro.body, inner) })
    }

    private func recurse(_ loop: TemplateValue.LoopState, _ given: GivenValues) throws
        -> TemplateValue
    {
        guard let statement = loop.recursion, let value = given.values.first else {
            throw TemplateError("this loop is not recursive")
        }
        let items = try items(of: value)
        return .string(
            try deeper {
                try caughtOutput {
                    _ = try run(statement, items, loop.scope, depth: loop.depth + 1)
                }
            })
    }

    private func method(_ name: String, of loop: TemplateValue.LoopState, _ given: GivenValues)
        throws -> TemplateValue
    {
        if name == "cycle" {
            guard !given.values.isEmpty else { throw TemplateError("cycle needs values") }
            return given.values[loop.index % given.values.count]
        }
        let isSame =
            loop.changed.map { TemplateValue.list($0).equals(.list(given.values)) } ?? false
        loop.changed = given.values
        return .bool(!isSame)
    }

    // MARK: functions

    private func function(_ name: String, _ given: GivenValues) throws -> TemplateValue {
        switch name {
        case "range": return try range(given)
        case "dict", "namespace":
            var dictionary = TemplateDictionary()
            if case .dictionary(let first) = given.values.first { dictionary = first }
            for (name, value) in given.named { dictionary[name] = value }
            guard name == "namespace" else { return .dictionary(dictionary) }
            let space = TemplateValue.Namespace()
            space.values = dictionary
            return .namespace(space)
        case "cycler":
            guard !given.values.isEmpty else { throw TemplateError("cycler needs values") }
            return .callable(.cycler(.init(given.values)))
        case "joiner": return .callable(.joiner(.init([given.value(0, "sep") ?? .string(", ")])))
        case "raise_exception":
            throw TemplateError(given.values.first?.text ?? "the template refuses")
        case "strftime_now":
            return .string(try TemplateRun.date(given.text(0, "format") ?? "", now))
        default: throw TemplateError("\(name) is not offered")
        }
    }

    private static let longestRange = 100_000

    private func range(_ given: GivenValues) throws -> TemplateValue {
        let numbers = try given.values.map { value in
            guard let number = value.int else {
                throw TemplateError("range needs whole numbers, not \(value.kindName)")
            }
            return number
        }
        guard (1...3).contains(numbers.count), numbers.count < 3 || numbers[2] != 0 else {
            throw TemplateError("range takes one to three numbers, the last not 0")
        }
        let (start, end) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
        let step = numbers.count > 2 ? numbers[2] : 1
        let (distance, overflow) = end.subtractingReportingOverflow(start)
        guard !overflow, distance.magnitude / step.magnitude <= TemplateRun.longestRange else {
            throw TemplateError("a range of more than \(TemplateRun.longestRange) numbers")
        }
        let items = stride(from: start, to: end, by: step).map { TemplateValue.integer($0) }
        try charge(items.count)
        return .sequence(items, .range)
    }

    /// A time as the C library writes it, in UTC.
    private static func date(_ format: String, _ now: Int) throws -> String {
        guard format.utf8.count < 200 else { throw TemplateError("a date format that is too long") }
        var seconds = time_t(now)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var bytes = [CChar](repeating: 0, count: 2048)
        let count = strftime(&bytes, bytes.count, format, &parts)
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
