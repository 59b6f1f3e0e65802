extension TemplateRun {
    /// Whether a value is what a test asks for.
    func test(_ name: String, _ value: TemplateValue, _ given: [TemplateValue]) throws -> Bool {
        switch name {
        case "defined": return !value.isUndefined
        case "undefined": return value.isUndefined
        case "none": if case .none = value { return true } else { return false }
        case "boolean": if case .bool = value { return true } else { return false }
        case "true": if case .bool(true) = value { return true } else { return false }
        case "false": if case .bool(false) = value { return true } else { return false }
        case "integer": if case .integer = value { return true } else { return false }
        case "float": if case .float = value { return true } else { return false }
        case "number": return value.double != nil
        case "string": return value.string != nil
        case "mapping": if case .dictionary = value { return true } else { return false }
        case "callable":
            if case .callable = value { return true }
            if case .loop = value { return true } else { return false }
        case "iterable":
            switch value {
            case .none, .bool, .integer, .float, .callable, .namespace: return false
            default: return true
            }
        case "sequence":
            switch value {
            case .string, .list, .tuple, .dictionary, .undefined, .sequence(_, .range): return true
            default: return false
            }
        case "escaped": return false
        case "lower", "upper":
            return TextMethods.question("is\(name)", value.text) ?? false
        case "odd", "even", "divisibleby": return try divides(name, value, given)
        case "filter": return given.isEmpty && TemplateRun.filters.contains(value.text)
        case "test": return given.isEmpty && TemplateRun.tests.contains(value.text)
        default: break
        }
        guard let sign = TemplateRun.comparisons[name] else {
            throw TemplateError("there is no test \(name)")
        }
        guard let other = given.first else { throw TemplateError("the test \(name) needs a value") }
        if name == "sameas" { return value.kindName == other.kindName && value.equals(other) }
        return try compare(sign, value, other)
    }

    private static let comparisons = [
        "eq": "==", "==": "==", "equalto": "==", "ne": "!=", "!=": "!=", "lt": "<", "<": "<",
        "lessthan": "<", "le": "<=", "<=": "<=", "gt": ">", ">": ">", "greaterthan": ">",
        "ge": ">=",
        ">=": ">=", "in": "in", "sameas": "==",
    ]

    static let tests: Set<String> = Set(comparisons.keys).union([
        "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number",
        "string", "mapping", "callable", "iterable", "sequence", "escaped", "lower", "upper", "odd",
        "even", "divisibleby", "filter", "test",
    ])

    private func divides(_ name: String, _ value: TemplateValue, _ given: [TemplateValue]) throws
        -> Bool
    {
        guard let number = value.int, name != "divisibleby" || given.first?.int != nil else {
            throw TemplateError("the test \(name) needs whole numbers, not \(value.kindName)")
        }
        if name != "divisibleby" { return (number % 2 != 0) == (name == "odd") }
        let divisor = given.first?.int ?? 0
        guard divisor != 0 else { throw TemplateError("a division by zero") }
        return divisor == -1 || number % divisor == 0
    }
}
