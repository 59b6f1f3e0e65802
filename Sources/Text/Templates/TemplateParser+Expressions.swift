extension TemplateParser {
    /// An expression, or several between commas as a tuple. In a loop's head an `if` is not part of it.
    mutating func tuple(isConditional: Bool = true) throws(TemplateError) -> Expression {
        let first = try isConditional ? expression() : disjunction()
        guard current == .sign(",") else { return first }
        var items = [first]
        while take(",") {
            if isAtEnd { break }
            items.append(try isConditional ? expression() : disjunction())
        }
        return .tuple(items)
    }

    private var isAtEnd: Bool {
        switch current {
        case .outputEnd, .blockEnd, .end, .sign(")"), .sign("="): true
        default: false
        }
    }

    /// a if b else c
    mutating func expression() throws(TemplateError) -> Expression {
        try nested { parser throws(TemplateError) in
            var value = try parser.disjunction()
            while parser.take(name: "if") {
                let test = try parser.disjunction()
                let otherwise = parser.take(name: "else") ? try parser.expression() : nil
                value = .condition(test, then: value, otherwise: otherwise)
            }
            return value
        }
    }

    private mutating func disjunction() throws(TemplateError) -> Expression {
        var value = try conjunction()
        while take(name: "or") { value = .or(value, try conjunction()) }
        return value
    }

    private mutating func conjunction() throws(TemplateError) -> Expression {
        var value = try negation()
        while take(name: "and") { value = .and(value, try negation()) }
        return value
    }

    private mutating func negation() throws(TemplateError) -> Expression {
        guard take(name: "not") else { return try comparison() }
        return try nested { parser throws(TemplateError) in .not(try parser.negation()) }
    }

    private mutating func comparison() throws(TemplateError) -> Expression {
        let first = try sum()
        var rest: [(sign: String, value: Expression)] = []
        while true {
            if case .sign(let sign) = current, ["==", "!=", "<", "<=", ">", ">="].contains(sign) {
                advance()
                rest.append((sign, try sum()))
            } else if take(name: "in") {
                rest.append(("in", try sum()))
            } else if current == .name("not"), peek() == .name("in") {
                advance()
                advance()
                rest.append(("not in", try sum()))
            } else {
                return rest.isEmpty ? first : .comparison(first, rest)
            }
        }
    }

    private mutating func sum() throws(TemplateError) -> Expression {
        var value = try concatenation()
        while case .sign(let sign) = current, sign == "+" || sign == "-" {
            advance()
            value = .binary(sign, value, try concatenation())
        }
        return value
    }

    private mutating func concatenation() throws(TemplateError) -> Expression {
        var parts = [try product()]
        while take("~") { parts.append(try product()) }
        return parts.count == 1 ? parts[0] : .concatenation(parts)
    }

    private mutating func product() throws(TemplateError) -> Expression {
        var value = try power()
        while case .sign(let sign) = current, ["*", "/", "//", "%"].contains(sign) {
            advance()
            value = .binary(sign, value, try power())
        }
        return value
    }

    private mutating func power() throws(TemplateError) -> Expression {
        var value = try unary(isFiltered: true)
        while take("**") { value = .binary("**", value, try unary(isFiltered: true)) }
        return value
    }

    private mutating func unary(isFiltered: Bool) throws(TemplateError) -> Expression {
        var value: Expression
        if current == .sign("-") || current == .sign("+") {
            let isNegative = current == .sign("-")
            advance()
            let operand = try nested { parser throws(TemplateError) in
                try parser.unary(isFiltered: false)
            }
            value = isNegative ? .negative(operand) : .positive(operand)
        } else {
            value = try postfix(primary())
        }
        return isFiltered ? try filtered(value) : value
    }

    /// Attributes, items and calls behind a value.
    private mutating func postfix(_ start: Expression) throws(TemplateError) -> Expression {
        var value = start
        while true {
            switch current {
            case .sign("."):
                advance()
                if case .integer(let index) = current {
                    advance()
                    value = .item(value, .integer(index))
                } else {
                    value = .attribute(value, try name())
                }
            case .sign("["):
                advance()
                value = try subscripted(value)
                try expect("]")
            case .sign("("): value = .call(value, try arguments())
            default: return value
            }
        }
    }

    private mutating func subscripted(_ value: Expression) throws(TemplateError) -> Expression {
        let from = current == .sign(":") ? nil : try tuple()
        guard take(":") else {
            guard let from else { throw failure("an index is missing") }
            return .item(value, from)
        }
        let to = current == .sign(":") || current == .sign("]") ? nil : try expression()
        let step = take(":") && current != .sign("]") ? try expression() : nil
        return .slice(value, from: from, to: to, step: step)
    }

    /// Filters, tests and calls behind a value.
    private mutating func filtered(_ start: Expression) throws(TemplateError) -> Expression {
        var value = start
        while true {
            if take("|") {
                let call = try filterCall()
                value = .filter(value, call.name, call.arguments)
            } else if take(name: "is") {
                value = try test(value)
            } else if current == .sign("(") {
                value = .call(value, try arguments())
            } else {
                return value
            }
        }
    }

    private mutating func test(_ value: Expression) throws(TemplateError) -> Expression {
        let isNegated = take(name: "not")
        var name = try name()
        while take(".") { name += "." + (try self.name()) }
        var given = CallArguments()
        switch current {
        case .sign("("): given = try arguments()
        case .name(let word) where ["else", "or", "and", "is", "if", "in", "not"].contains(word):
            if word == "is" { throw failure("two tests in a row") }
        case .name, .string, .integer, .float, .sign("["), .sign("{"):
            given.values = [try postfix(primary())]
        default: break
        }
        return .test(value, name, given, isNegated: isNegated)
    }

    mutating func arguments() throws(TemplateError) -> CallArguments {
        var given = CallArguments()
        try expect("(")
        while !take(")") {
            if !given.values.isEmpty || !given.named.isEmpty {
                try expect(",")
                if take(")") { break }
            }
            if case .name(let name) = current, peek() == .sign("=") {
                advance()
                advance()
                given.named.append((name, try expression()))
            } else {
                guard given.named.isEmpty else { throw failure("a value behind named ones") }
                given.values.append(try expression())
            }
        }
        return given
    }

    // MARK: literals

    private mutating func primary() throws(TemplateError) -> Expression {
        let token = current
        switch token {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return .bool(true)
            case "false", "False": return .bool(false)
            case "none", "None": return .none
            default: return .name(name)
            }
        case .string:
            var text = ""
            while case .string(let part) = current {
                text += part
                advance()
            }
            return .string(text)
        case .integer(let value):
            advance()
            return .integer(value)
        case .float(let value):
            advance()
            return .float(value)
        case .sign("("):
            advance()
            return try nested { parser throws(TemplateError) in try parser.parenthesised() }
        case .sign("["):
            advance()
            return try nested { parser throws(TemplateError) in .list(try parser.items(until: "]"))
            }
        case .sign("{"):
            advance()
            return try nested { parser throws(TemplateError) in try parser.dictionary() }
        default: throw failure("a value is missing")
        }
    }

    private mutating func parenthesised() throws(TemplateError) -> Expression {
        if take(")") { return .tuple([]) }
        let value = try tuple()
        try expect(")")
        return value
    }

    private mutating func items(until end: String) throws(TemplateError) -> [Expression] {
        var items: [Expression] = []
        while !take(end) {
            if !items.isEmpty {
                try expect(",")
                if take(end) { break }
            }
            items.append(try expression())
        }
        return items
    }

    private mutating func dictionary() throws(TemplateError) -> Expression {
        var items: [(key: Expression, value: Expression)] = []
        while !take("}") {
            if !items.isEmpty {
                try expect(",")
                if take("}") { break }
            }
            let key = try expression()
            try expect(":")
            items.append((key, try expression()))
        }
        return .dictionary(items)
    }
}
