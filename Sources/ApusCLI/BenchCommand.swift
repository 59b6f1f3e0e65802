import Benchmarking
import Files
import Glibc
import Tensors

/// `apus bench`: checks and measures ops, and says how near to the machine's limits they come.
enum BenchCommand: Command {
    static let name = "bench"
    static let summary = "Measure ops, checked first: time, GFLOP/s, GB/s, % of the measured peak."
    static let usage =
        "[OP … [m=1024 n=64:512:64 …] | model NAME-OR-FILE] [--cases FILE] [--flag value …]"

    static let flags =
        [
            Flag("cases", "FILE", "measure the cases of a file of JSON lines"),
            Flag("suite", "NAME", "standard (the default) or quantized: weights of few bits"),
            Flag("ids", "1,2,…", "only the cases with these ids (also first:last:step)"),
            Flag("list", nil, "print the cases and measure nothing"),
            Flag.device, Flag.threads,
            Flag("dtype", "f32,bf16,f16", "element types of a sweep (f32)"),
            Flag(
                "weights", "q4_0,int8,…",
                "formats of quantised weights: matmul, conv2d (int8); a model's file of weights"),
            Flag("pass", "fwd,fwd+bwd", "forward, or forward and gradients, of a sweep (fwd)"),
            Flag("cold", nil, "rotate operands past the last-level cache"),
            Flag("peers", nil, "also measure OpenBLAS and CLBlast where they are installed"),
            Flag("no-peers", nil, "do not"),
            Flag("min-time", "SECONDS", "measure a case for so long (0.3)"),
            Flag("min-samples", "N", "at least so many samples (5)"),
            Flag("max-samples", "N", "and no more than so many (200)"),
            Flag("steps", "N", "training steps of a model (8)"),
            Flag("prompt", "N", "tokens of a prompt that a language model reads (512)"),
            Flag("generate", "N", "tokens that it generates (64)"),
            Flag("depth", "N", "tokens before those (0)"),
            Flag("sequences", "N", "how many it generates at once (1)"),
            Flag("cache", "f16", "how keys and values are kept: f32, f16, q8_0"),
            Flag("runs", "N", "measure a language model so many times (3)"),
            Flag("json", "FILE", "one JSON object a row to a file or - (the standard output)"),
            Flag("csv", "FILE", "comma-separated values"),
            Flag("markdown", "FILE", "a Markdown table"),
            Flag("html", "FILE", "one page with a roofline and bars for each device"),
            Flag("compare", "BASE.json", "a verdict for each row against an earlier --json"),
            Flag(
                "fail-on-regress", "5%", "exit code 1 if a row is surely slower by more than this"),
        ] + sizeFlags

    /// One flag for each size of any op.
    private static let sizeFlags: [Flag] = {
        var seen: Set<String> = []
        return Operation.allCases.flatMap(\.parameters).filter { seen.insert($0.name).inserted }.map
        {
            Flag($0.name, $0.isSwitch ? nil : "N,…", "")
        }
    }()

    /// Sizes have no line of their own in the help: the notes list them by op.
    static var help: String {
        let sizes = Set(sizeFlags.map(\.name))
        let lines = flags.filter { !sizes.contains($0.name) }.map { flag in
            "  " + ("--\(flag.name)" + (flag.value.map { " \($0)" } ?? "")).padded(28) + " "
                + flag.help
        }
        return
            "usage: apus bench \(usage)\n\n\(summary)\n\n\(lines.joined(separator: "\n"))\n\n\(notes)\n"
    }

    static var notes: String {
        let ops = Operation.allCases.map { operation in
            let sizes = operation.parameters.map { parameter in
                parameter.isSwitch
                    ? "--\(parameter.name)" : "--\(parameter.name) \(parameter.initial ?? 0)"
            }
            return "  " + operation.rawValue.padded(17) + operation.summary + "\n"
                + "".padded(19) + sizes.joined(separator: " ")
                + (operation.hasBackward ? " --pass fwd+bwd" : "")
        }
        return """
            With model: whole training steps of \(ModelBench.names.joined(separator: ", ")); or the speed of a language
            model's file or folder.
            Without an op: the standard suite. With ops alone: their part of it. With sizes: every combination of them;
            a size is a number, a list a,b or a range first:last:step, as --m 1024 or m=1024.
            Ops, their sizes and what stands for a size that is not given:
            \(ops.joined(separator: "\n"))
            """
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        try setThreads(arguments)
        if arguments.words.first == "model" { return try benchModel(arguments) }
        let cases = try BenchCases(arguments).list
        if arguments.has("list") { return try list(cases, arguments) }
        var session = try BenchSession(arguments, cases)
        return try session.run()
    }

    /// Training steps of a named model, or a file's speed.
    private static func benchModel(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.count == 2, let name = arguments.words.last,
            !ModelBench.names.contains(name), access(name, F_OK) == 0
        else { return try ModelBench.run(arguments) }
        return try LanguageModelBench.run(name, arguments)
    }

    private static func list(_ cases: [Case], _ arguments: Arguments) throws -> Int32 {
        if let path = arguments.text("json") {
            try Output(path).write(cases.map { $0.json.text + "\n" }.joined())
        } else {
            for c in cases {
                print(
                    "\(c.id)".padded(4, right: true) + "  " + c.description
                        + (c.note.isEmpty ? "" : "  (\(c.note))"))
            }
        }
        return 0
    }
}
