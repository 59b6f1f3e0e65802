/// Why a chat template cannot be read or refuses to be filled in: one line.
public struct TemplateError: Error, CustomStringConvertible, Equatable {
    public let problem: String
    /// The line of the template, where it is known.
    public internal(set) var line: Int?

    init(_ problem: String, line: Int? = nil) { (self.problem, self.line) = (problem, line) }

    public var description: String { line.map { "template line \($0): \(problem)" } ?? problem }
}
