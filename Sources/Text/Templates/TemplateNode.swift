/// What a template computes.
indirect enum Expression: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case name(String)
    case list([Expression])
    case tuple([Expression])
    case dictionary([(key: Expression, value: Expression)])
    case attribute(Expression, String)
    case item(Expression, Expression)
    case slice(Expression, from: Expression?, to: Expression?, step: Expression?)
    case call(Expression, CallArguments)
    case filter(Expression, String, CallArguments)
    case test(Expression, String, CallArguments, isNegated: Bool)
    case negative(Expression)
    case positive(Expression)
    case not(Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case binary(String, Expression, Expression)
    /// a < b <= c: each with its right neighbour.
    case comparison(Expression, [(sign: String, value: Expression)])
    case concatenation([Expression])
    case condition(Expression, then: Expression, otherwise: Expression?)
}

struct CallArguments: Sendable {
    var values: [Expression] = []
    var named: [(name: String, value: Expression)] = []
}

/// What a value is given to.
indirect enum Target: Sendable {
    case name(String)
    /// An attribute of a namespace.
    case attribute(String, String)
    case tuple([Target])
}

/// A part of a template.
indirect enum Statement: Sendable {
    case text(String)
    case output(Expression, line: Int)
    case condition([(test: Expression, body: [Statement])], otherwise: [Statement], line: Int)
    case loop(Loop)
    case set(Target, Expression, line: Int)
    case setBlock(Target, [FilterCall], [Statement], line: Int)
    case macro(Macro)
    case call(Macro, Expression, line: Int)
    case filter([FilterCall], [Statement], line: Int)
    case with([(target: Target, value: Expression)], [Statement], line: Int)
    case leave
    case proceed

    struct Loop: Sendable {
        let target: Target
        let items: Expression
        let test: Expression?
        let isRecursive: Bool
        let body: [Statement]
        let otherwise: [Statement]
        let line: Int
    }
}

/// A filter with its arguments, without what it is applied to.
struct FilterCall: Sendable {
    let name: String
    let arguments: CallArguments
}

/// A part of a template that can be called.
struct Macro: Sendable {
    let name: String
    let parameters: [(name: String, value: Expression?)]
    let body: [Statement]
    /// Whether the body asks for values beyond its parameters.
    var takesMore = false
    var takesMoreNamed = false
}
