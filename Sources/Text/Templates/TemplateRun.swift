/// Fills a template in, within limits of steps, output and depth, and with nothing of the host in reach.
final class TemplateRun {
    /// What one template may cost.
    struct Limits: Sendable {
        var steps = 4_000_000
        /// Bytes of output, and of any text on the way.
        var bytes = 16 << 20
        /// Expressions and calls inside one another.
        var depth = 220
    }

    private let limits: Limits
    private var steps = 0
    private var depth = 0
    /// The texts that are being written: the template's, and those of blocks inside that are caught.
    private var outputs: [String] = [""]
    let globals: TemplateScope
    /// Seconds since 1970, for `strftime_now`.
    let now: Int

    init(_ variables: [(String, TemplateValue)], limits: Limits, now: Int) {
        (self.limits, self.now) = (limits, now)
        let functions = TemplateScope(nil)
        for name in TemplateRun.functions { functions.values[name] = .callable(.function(name)) }
        globals = TemplateScope(functions)
        for (name, value) in variables { globals.values[name] = value }
    }

    func run(_ body: [Statement]) throws -> String {
        _ = try execute(body, TemplateScope(globals))
        return outputs[0]
    }

    // MARK: limits

    /// Counts work: one step, and one more for every sixteen bytes or items that are made.
    func charge(_ size: Int = 0) throws {
        steps += 1 + size / 16
        guard steps <= limits.steps else {
            throw TemplateError("the template takes more than \(limits.steps) steps")
        }
        guard size <= limits.bytes else {
            throw TemplateError("a text or list of more than \(limits.bytes) bytes")
        }
    }

    /// Counts the work of walking a value as a whole: the same list may stand in others many times.
    func weigh(_ value: TemplateValue) throws {
        switch value {
        case .string(let text): try charge(text.utf8.count)
        case .list(let items), .tuple(let items), .sequence(let items, _):
            try charge()
            for item in items { try weigh(item) }
        case .dictionary(let dictionary):
            try charge()
            for (key, value) in dictionary.items {
                try weigh(key)
                try weigh(value)
            }
        default: try charge()
        }
    }

    /// As Python prints it.
    func text(of value: TemplateValue) throws -> String {
        if case .string(let text) = value { return text }
        try weigh(value)
        return value.text
    }

    func deeper<T>(_ body: () throws -> T) throws -> T {
        guard depth < limits.depth else {
            throw TemplateError("nested or recursive beyond a depth of \(limits.depth)")
        }
        depth += 1
        defer { depth -= 1 }
        return try body()
    }

    // MARK: output

    private func write(_ text: String) throws {
        try charge(text.utf8.count)
        outputs[outputs.count - 1] += text
        guard outputs[outputs.count - 1].utf8.count <= limits.bytes else {
            throw TemplateError("the template writes more than \(limits.bytes) bytes")
        }
    }

    /// What a body writes, instead of writing it.
    func caught(_ body: [Statement], _ scope: TemplateScope) throws -> String {
        try caughtOutput { _ = try execute(body, scope) }
    }

    /// The same for other work that writes.
    func caughtOutput(_ body: () throws -> Void) throws -> String {
        outputs.append("")
        defer { outputs.removeLast() }
        try body()
        return outputs[outputs.count - 1]
    }

    // MARK: statements

    /// How a body ended.
    enum Flow {
        case done, leave, proceed
    }

    func execute(_ body: [Statement], _ scope: TemplateScope) throws -> Flow {
        for statement in body {
            let flow = try execute(statement, scope)
            if flow != .done { return flow }
        }
        return .done
    }

    private func execute(_ statement: Statement, _ scope: TemplateScope) throws -> Flow {
        try charge()
        switch statement {
        case .text(let text): try write(text)
        case .output(let value, let line):
            try located(line) { try write(text(of: evaluate(value, scope))) }
        case .condition(let branches, let otherwise, let line):
            for (test, body) in branches
            where try located(line, { try evaluate(test, scope).isTrue }) {
                return try deeper { try execute(body, scope) }
            }
            return try deeper { try execute(otherwise, scope) }
        case .loop(let loop):
            return try located(loop.line) {
                let items = try self.items(of: evaluate(loop.items, scope))
                return try deeper { try run(loop, items, scope, depth: 1) }
            }
        case .set(let target, let value, let line):
            try located(line) { try assign(evaluate(value, scope), to: target, scope) }
        case .setBlock(let target, let filters, let body, let line):
            try located(line) {
                let text = try deeper { try caught(body, TemplateScope(scope)) }
                try assign(filtered(.string(text), filters, scope), to: target, scope)
            }
        case .macro(let macro): scope.values[macro.name] = .callable(.macro(macro, scope))
        case .call(let caller, let call, let line):
            try located(line) { try write(text(of: self.call(call, scope, caller: caller))) }
        case .filter(let filters, let body, let line):
            try located(line) {
                let text = try deeper { try caught(body, TemplateScope(scope)) }
                try write(self.text(of: filtered(.string(text), filters, scope)))
            }
        case .with(let values, let body, let line):
            let inner = TemplateScope(scope)
            try located(line) {
                for (target, value) in values {
                    try assign(evaluate(value, scope), to: target, inner)
                }
            }
            return try deeper { try execute(body, inner) }
        case .leave: return .leave
        case .proceed: return .proceed
        }
        return .done
    }

    /// Names the line of the innermost statement in an error.
    private func located<T>(_ line: Int, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch var error as TemplateError {
            if error.line == nil { error.line = line }
            throw error
        }
    }

    func filtered(_ value: TemplateValue, _ filters: [FilterCall], _ scope: TemplateScope) throws
        -> TemplateValue
    {
        try filters.reduce(value) { value, call in
            try filter(call.name, value, given(call.arguments, scope))
        }
    }

    /// Values may be nested only so deep, as everything that walks them goes down with them.
    func checked(_ value: TemplateValue) throws -> TemplateValue {
        var (level, nesting) = ([value], 0)
        while !level.isEmpty {
            try charge(level.count * 16)
            level = level.flatMap(\.parts)
            nesting += 1
            guard nesting < 300 else { throw TemplateError("a value nested deeper than 300") }
        }
        return value
    }

    func assign(_ value: TemplateValue, to target: Target, _ scope: TemplateScope) throws {
        let value = try checked(value)
        switch target {
        case .name(let name): scope.values[name] = value
        case .attribute(let name, let attribute):
            guard case .namespace(let space) = scope.find(name) else {
                throw TemplateError("\(name) is no namespace: its \(attribute) cannot be set")
            }
            space.values[attribute] = value
        case .tuple(let targets):
            let items = try items(of: value)
            guard items.count == targets.count else {
                throw TemplateError("\(items.count) values for \(targets.count) names")
            }
            for (item, target) in zip(items, targets) { try assign(item, to: target, scope) }
        }
    }

    /// Runs a loop's body for each item; its caller is a depth further out.
    func run(_ loop: Statement.Loop, _ items: [TemplateValue], _ scope: TemplateScope, depth: Int)
        throws -> Flow
    {
        var items = items
        if let test = loop.test {
            items = try items.filter { item in
                let inner = TemplateScope(scope)
                try charge()
                try assign(item, to: loop.target, inner)
                return try evaluate(test, inner).isTrue
            }
        }
        guard !items.isEmpty else { return try execute(loop.otherwise, TemplateScope(scope)) }
        let state = TemplateValue.LoopState(
            items, depth: depth, recursion: loop.isRecursive ? loop : nil, scope: scope)
        for (index, item) in items.enumerated() {
            try charge()
            state.index = index
            let inner = TemplateScope(scope)
            try assign(item, to: loop.target, inner)
            inner.values["loop"] = .loop(state)
            if try execute(loop.body, inner) == .leave { break }
        }
        return .done
    }

    /// What looping over a value gives.
    func items(of value: TemplateValue) throws -> [TemplateValue] {
        switch value {
        case .list(let items), .tuple(let items), .sequence(let items, _):
            try charge(items.count)
            return items
        case .dictionary(let dictionary):
            try charge(dictionary.items.count)
            return dictionary.items.map(\.key)
        case .string(let text):
            try charge(text.utf8.count)
            return text.unicodeScalars.map { .string(String($0)) }
        case .undefined(_, isUnsafe: false): return []
        default: throw TemplateError("\(value.kindName) has no items")
        }
    }
}
