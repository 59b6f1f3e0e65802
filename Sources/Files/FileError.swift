/// What was wrong with something from outside, where, and what to do: one line.
public struct FileError: Error, CustomStringConvertible, Equatable {
    public let path: String
    public let problem: String

    public init(_ path: String, _ problem: String) { (self.path, self.problem) = (path, problem) }

    public var description: String { "\(path): \(problem)" }
}
