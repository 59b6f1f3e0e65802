/// What stops a benchmark, in one line: `usage` for a wrong flag or case (exit code 2), `failure` for the rest (1).
package enum BenchmarkError: Error, Equatable, CustomStringConvertible {
    case usage(String)
    case failure(String)

    package var description: String {
        switch self {
        case .usage(let text), .failure(let text): text
        }
    }
}
