import Benchmarking

/// A sub-command of `apus`.
protocol Command {
    static var name: String { get }
    /// One line for `apus help`.
    static var summary: String { get }
    /// What stands behind the name in the usage line.
    static var usage: String { get }
    static var flags: [Flag] { get }
    /// What the help adds below the flags.
    static var notes: String { get }
    /// Does the work and gives the exit code.
    static func run(_ arguments: Arguments) throws -> Int32
}

extension Command {
    static var notes: String { "" }

    /// The text of `apus help NAME`.
    static var help: String {
        let lines = flags.map { flag in
            let short = flag.short.map { "-\($0), " } ?? ""
            let left = "\(short)--\(flag.name)" + (flag.value.map { " \($0)" } ?? "")
            return "  " + left.padded(28) + " " + flag.help
        }
        let head = "usage: apus \(name)\(usage.isEmpty ? "" : " \(usage)")\n\n\(summary)\n"
        return head + (lines.isEmpty ? "" : "\n" + lines.joined(separator: "\n") + "\n")
            + (notes.isEmpty ? "" : "\n" + notes + "\n")
    }
}
