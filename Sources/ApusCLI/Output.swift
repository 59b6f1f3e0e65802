import Benchmarking
import Files
import Glibc

/// Where a report goes: "-" is the standard output.
struct Output: Sendable {
    let path: String

    /// Makes sure before the work begins that the file can be written.
    init(_ path: String) throws(BenchmarkError) {
        self.path = path
        guard path != "-" else { return }
        let existed = access(path, F_OK) == 0
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            throw .failure("\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
        close(file)
        if !existed { unlink(path) }
    }

    var isStandard: Bool { path == "-" }

    /// Writes the whole text.
    func write(_ text: String) throws {
        if isStandard { return print(text, terminator: "") }
        try writeFile(path, [Array(text.utf8)])
    }
}

/// The terminal that the standard output is, if it is one.
enum Terminal {
    static let isPresent = isatty(STDOUT_FILENO) == 1

    /// Colours and moving the cursor are for terminals only, and not where the user declines them.
    static let hasColor = isPresent && getenv("NO_COLOR") == nil

    static func styled(_ text: String, _ code: String) -> String {
        hasColor ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}
