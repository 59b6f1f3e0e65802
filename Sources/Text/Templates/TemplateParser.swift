/// Reads a template's tokens as statements.
struct TemplateParser {
    private var tokens: [TemplateToken]
    private var position = 0
    /// How deep tags and brackets are nested.
    private var depth = 0

    static let deepest = 100

    init(_ source: String) throws(TemplateError) {
        var lexer = try TemplateLexer(source)
        tokens = try lexer.run()
    }

    var current: TemplateToken.Kind { tokens[position].kind }
    var line: Int { tokens[position].line }

    func peek(_ distance: Int = 1) -> TemplateToken.Kind {
        position + distance < tokens.count ? tokens[position + distance].kind : .end
    }

    mutating func advance() { if position + 1 < tokens.count { position += 1 } }

    func failure(_ problem: String) -> TemplateError { TemplateError(problem, line: line) }

    /// Takes a sign if it stands here.
    mutating func take(_ sign: String) -> Bool {
        guard current == .sign(sign) else { return false }
        advance()
        return true
    }

    mutating func take(name: String) -> Bool {
        guard current == .name(name) else { return false }
        advance()
        return true
    }

    mutating func expect(_ sign: String) throws(TemplateError) {
        guard take(sign) else { throw failure("\(sign) is missing") }
    }

    mutating func name() throws(TemplateError) -> String {
        guard case .name(let name) = current else { throw failure("a name is missing") }
        advance()
        return name
    }

    mutating func nested<T>(_ body: (inout TemplateParser) throws(TemplateError) -> T)
        throws(TemplateError) -> T
    {
        guard depth < TemplateParser.deepest else {
            throw failure("nested deeper than \(TemplateParser.deepest)")
        }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    // MARK: statements

    mutating func template() throws(TemplateError) -> [Statement] {
        let body = try statements(until: [])
        guard current == .end else { throw failure("an unexpected tag") }
        return body
    }

    /// Statements up to one of some tags, which stands behind its `{%` then.
    private mutating func statements(until ends: [String]) throws(TemplateError) -> [Statement] {
        try nested { parser throws(TemplateError) in
            var body: [Statement] = []
            while true {
                switch parser.current {
                case .text(let text):
                    parser.advance()
                    body.append(.text(text))
                case .outputBegin:
                    let line = parser.line
                    parser.advance()
                    body.append(.output(try parser.tuple(), line: line))
                    try parser.expect(.outputEnd)
                case .blockBegin:
                    if case .name(let name) = parser.peek(), ends.contains(name) {
                        parser.advance()
                        return body
                    }
                    parser.advance()
                    body += try parser.block()
                default:
                    guard ends.isEmpty else {
                        throw parser.failure("\(ends.joined(separator: " or ")) is missing")
                    }
                    return body
                }
            }
        }
    }

    private mutating func expect(_ kind: TemplateToken.Kind) throws(TemplateError) {
        guard current == kind else { throw failure("the end of the tag is missing") }
        advance()
    }

    /// The body of a block up to its end tag, which is taken as well.
    private mutating func body(until end: String) throws(TemplateError) -> [Statement] {
        try expect(.blockEnd)
        let body = try statements(until: [end])
        advance()
        try expect(.blockEnd)
        return body
    }

    private mutating func block() throws(TemplateError) -> [Statement] {
        let line = line
        let tag = try name()
        switch tag {
        case "if": return [try condition(line)]
        case "for": return [.loop(try loop(line))]
        case "set": return [try set(line)]
        case "macro": return [.macro(try macro(name: name()))]
        case "call":
            let start = position
            let parameters = current == .sign("(") ? try parameters() : []
            let call = try expression()
            guard case .call = call else { throw failure("call needs a call") }
            let body = try body(until: "endcall")
            let macro = macro("caller", parameters, body, from: start)
            return [.call(macro, call, line: line)]
        case "print":
            let value = try tuple()
            try expect(.blockEnd)
            return [.output(value, line: line)]
        case "filter":
            let calls = try filterCalls(first: true)
            return [.filter(calls, try body(until: "endfilter"), line: line)]
        case "with": return [try with(line)]
        case "generation": return try body(until: "endgeneration")
        case "block":
            _ = try name()
            _ = take(name: "scoped") || take(name: "required")
            return [.with([], try body(until: "endblock"), line: line)]
        case "autoescape":
            _ = try expression()
            return [.with([], try body(until: "endautoescape"), line: line)]
        case "break", "continue":
            try expect(.blockEnd)
            return [tag == "break" ? .leave : .proceed]
        default: throw TemplateError("an unknown tag \(tag)", line: line)
        }
    }

    private mutating func macro(name: String) throws(TemplateError) -> Macro {
        let start = position
        let parameters = try parameters()
        let body = try body(until: "endmacro")
        return macro(name, parameters, body, from: start)
    }

    /// A macro whose parameters and body began at a token.
    private func macro(
        _ name: String, _ parameters: [(name: String, value: Expression?)], _ body: [Statement],
        from start: Int
    ) -> Macro {
        var macro = Macro(name: name, parameters: parameters, body: body)
        macro.takesMore = tokens[start..<position].contains { $0.kind == .name("varargs") }
        macro.takesMoreNamed = tokens[start..<position].contains { $0.kind == .name("kwargs") }
        return macro
    }

    private mutating func condition(_ line: Int) throws(TemplateError) -> Statement {
        var branches: [(test: Expression, body: [Statement])] = []
        while true {
            let test = try tuple(isConditional: false)
            try expect(.blockEnd)
            branches.append((test, try statements(until: ["elif", "else", "endif"])))
            let tag = try name()
            if tag == "elif" { continue }
            try expect(.blockEnd)
            guard tag == "else" else { return .condition(branches, otherwise: [], line: line) }
            let otherwise = try statements(until: ["endif"])
            advance()
            try expect(.blockEnd)
            return .condition(branches, otherwise: otherwise, line: line)
        }
    }

    private mutating func loop(_ line: Int) throws(TemplateError) -> Statement.Loop {
        let target = try target()
        guard take(name: "in") else { throw failure("in is missing") }
        let items = try tuple(isConditional: false)
        let test = take(name: "if") ? try expression() : nil
        let isRecursive = take(name: "recursive")
        try expect(.blockEnd)
        let body = try statements(until: ["else", "endfor"])
        var otherwise: [Statement] = []
        if try name() == "else" {
            try expect(.blockEnd)
            otherwise = try statements(until: ["endfor"])
            advance()
        }
        try expect(.blockEnd)
        return Statement.Loop(
            target: target, items: items, test: test, isRecursive: isRecursive, body: body,
            otherwise: otherwise, line: line)
    }

    private mutating func set(_ line: Int) throws(TemplateError) -> Statement {
        let target = try target()
        if take("=") {
            let value = try tuple()
            try expect(.blockEnd)
            return .set(target, value, line: line)
        }
        let filters = try filterCalls(first: false)
        return .setBlock(target, filters, try body(until: "endset"), line: line)
    }

    private mutating func with(_ line: Int) throws(TemplateError) -> Statement {
        var values: [(target: Target, value: Expression)] = []
        while current != .blockEnd {
            if !values.isEmpty { try expect(",") }
            let target = try target()
            try expect("=")
            values.append((target, try expression()))
        }
        return .with(values, try body(until: "endwith"), line: line)
    }

    private mutating func target() throws(TemplateError) -> Target {
        var targets = [try singleTarget()]
        var isTuple = false
        while take(",") {
            isTuple = true
            if case .name(let name) = current, name != "in" { targets.append(try singleTarget()) }
        }
        return isTuple ? .tuple(targets) : targets[0]
    }

    private mutating func singleTarget() throws(TemplateError) -> Target {
        if take("(") {
            let inner = try nested { parser throws(TemplateError) in try parser.target() }
            try expect(")")
            return inner
        }
        let name = try name()
        guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
            throw failure("\(name) cannot be given a value")
        }
        return take(".") ? .attribute(name, try self.name()) : .name(name)
    }

    private mutating func parameters() throws(TemplateError) -> [(name: String, value: Expression?)]
    {
        var parameters: [(name: String, value: Expression?)] = []
        try expect("(")
        while !take(")") {
            if !parameters.isEmpty { try expect(",") }
            let name = try name()
            let value = take("=") ? try expression() : nil
            if value == nil, parameters.last?.value != nil {
                throw failure("\(name) needs a value, as the one before it has")
            }
            parameters.append((name, value))
        }
        return parameters
    }

    /// name(…) | name …; a `|` stands before the first one unless it comes right behind its tag.
    private mutating func filterCalls(first: Bool) throws(TemplateError) -> [FilterCall] {
        var calls: [FilterCall] = []
        if first { calls.append(try filterCall()) }
        while take("|") { calls.append(try filterCall()) }
        return calls
    }

    mutating func filterCall() throws(TemplateError) -> FilterCall {
        var name = try name()
        while take(".") { name += "." + (try self.name()) }
        let arguments = current == .sign("(") ? try arguments() : CallArguments()
        return FilterCall(name: name, arguments: arguments)
    }
}
