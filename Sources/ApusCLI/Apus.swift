import Benchmarking
import Files
import Glibc
import Tensors

/// `apus`: finds the command, runs it, and turns errors into one line on stderr and an exit code: 1 for what failed,
/// 2 for what was asked wrongly.
@main
enum Apus {
    static let version = "0.1.0"

    static var commands: [any Command.Type] {
        [
            RunCommand.self, ChatCommand.self, PerplexityCommand.self,
            DevicesCommand.self, BenchCommand.self, TuneCommand.self, DemoCommand.self,
            TrainCommand.self, SampleCommand.self, EvaluateCommand.self,
            TokenizerCommand.self, TokenizeCommand.self, InspectCommand.self, ConvertCommand.self,
            QuantizeCommand.self, ImatrixCommand.self,
            EmbedCommand.self, ExportCommand.self,
        ]
    }

    static func main() {
        // Both come back as errors of the write, which are said in a line.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        let code = run(Array(CommandLine.arguments.dropFirst()))
        fflush(nil)
        exit(code)
    }

    static func run(_ words: [String]) -> Int32 {
        do {
            return try dispatch(words)
        } catch let error as BenchmarkError {
            complain(error.description)
            if case .usage = error { return 2 }
            return 1
        } catch {
            complain("\(error)")
            return 1
        }
    }

    private static func dispatch(_ words: [String]) throws -> Int32 {
        guard let first = words.first else {
            print(help)
            return 0
        }
        switch first {
        case "--help", "-h": print(help)
        case "help": try printHelp(Array(words.dropFirst()))
        case "--version": print("apus \(version)")
        default:
            let command = try command(first)
            if words.contains("--help") || words.contains("-h") {
                print(command.help, terminator: "")
                return 0
            }
            let arguments = try Arguments(
                Array(words.dropFirst()), flags: command.flags, command: command.name)
            return try command.run(arguments)
        }
        return 0
    }

    private static func printHelp(_ words: [String]) throws {
        if let name = words.first {
            print(try command(name).help, terminator: "")
        } else {
            print(help)
        }
    }

    private static func command(_ name: String) throws(BenchmarkError) -> any Command.Type {
        guard let found = commands.first(where: { $0.name == name }) else {
            throw .usage(Arguments.unknown(name, among: commands.map { $0.name }, ""))
        }
        return found
    }

    private static var help: String {
        let list = commands.map { "  " + $0.name.padded(12) + $0.summary }.joined(separator: "\n")
        return """
            apus: a generative-AI engine in Swift, on CPUs and OpenCL devices

            usage: apus COMMAND [--flag value …]

            \(list)

            apus help COMMAND says more; apus --version prints the version.
            """
    }
}

/// One line on stderr.
func complain(_ text: String) {
    let line = Array("apus: \(text.replacingNewlines)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}

extension String {
    fileprivate var replacingNewlines: String {
        split(whereSeparator: \.isNewline).joined(separator: " | ")
    }
}
