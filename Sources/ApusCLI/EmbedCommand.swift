import Benchmarking
import Files
import Glibc
import Networks
import Tensors
import Transformers

/// `apus embed`: texts as vectors, or how alike they are.
enum EmbedCommand: Command {
    static let name = "embed"
    static let summary = "Turn texts into vectors, or show how alike they are."
    static let usage = "-m PATH [-p TEXT | -f FILE | TEXT…] [--similarity] [--json]"
    static let flags = [
        Flag(
            "model", "PATH", "a model's folder or GGUF file: an encoder, or any language model",
            short: "m"),
        Flag("prompt", "TEXT", "one text", short: "p"),
        Flag("file", "FILE", "a text in every line; -: the standard input", short: "f"),
        Flag("pooling", "mean|cls|last", "how states become one vector (as the model says)"),
        Flag("no-normalize", nil, "leave vectors as long as they are; else they get length 1"),
        Flag("similarity", nil, "print the cosines of the angles between the texts' vectors"),
        Flag("json", nil, "print one line of JSON for each text"),
        Flag.device, Flag("threads", "N", "CPU threads (all cores)", short: "t"),
    ]

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard let path = arguments.text("model") else {
            throw BenchmarkError.usage("embed: -m PATH names the model")
        }
        let texts = try texts(arguments)
        try setThreads(arguments)
        let device = try TrainCommand.device(arguments)
        let begin = ContinuousClock.now
        var embedder = try TextEmbedder.load(path, on: device)
        let loaded = ContinuousClock.now
        try change(&embedder, arguments)
        var bar = ProgressBar("embedding")
        let result = try embedder(texts) { bar.show($0, of: texts.count) }
        let values = result.vectors.scalars()
        bar.clear()
        let done = ContinuousClock.now
        for i in result.cut {
            complain(
                "text \(i + 1) is longer than \(embedder.limit) tokens: the rest does not count")
        }
        if arguments.has("similarity") {
            printTable(result.similarity.scalars(), texts)
        } else {
            print(values, texts, asJSON: arguments.has("json"))
        }
        close(
            texts.count, result.tokens, load: (loaded - begin) / .seconds(1),
            work: (done - loaded) / .seconds(1))
        return 0
    }

    private static func texts(_ arguments: Arguments) throws -> [String] {
        var texts = arguments.text("prompt").map { [$0] } ?? []
        texts += arguments.words
        if let file = arguments.text("file") {
            texts += try lines(of: file)
        }
        guard !texts.isEmpty else {
            throw BenchmarkError.usage("embed: there is no text: -p TEXT, or -f FILE")
        }
        return texts
    }

    /// Those of a file, or of the standard input.
    private static func lines(of file: String) throws -> [String] {
        guard file != "-" else { return Array(AnyIterator { readLine() }) }
        var lines = try readFile(file).split(separator: 10, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String(decoding: $0.last == 13 ? $0.dropLast() : $0, as: UTF8.self) }
    }

    private static func change(_ embedder: inout TextEmbedder, _ arguments: Arguments) throws {
        if let name = arguments.text("pooling") {
            guard let pooling = Pooling(rawValue: name) else {
                throw BenchmarkError.usage("--pooling is \(name), but must be mean, cls or last")
            }
            embedder.pooling = pooling
        }
        if arguments.has("no-normalize") { embedder.normalizes = false }
    }

    // MARK: printing

    private static func print(_ values: [Float], _ texts: [String], asJSON: Bool) {
        let width = values.count / texts.count
        for (i, text) in texts.enumerated() {
            let vector = values[i * width..<(i + 1) * width]
            guard asJSON else {
                Swift.print(vector.map { "\($0)" }.joined(separator: " "))
                continue
            }
            let numbers = vector.map { JSON.number(Double("\($0)") ?? Double($0)) }
            Swift.print(
                JSON.object([
                    .init(key: "index", value: .integer(i)),
                    .init(key: "text", value: .string(text)),
                    .init(key: "embedding", value: .array(numbers)),
                ]).text)
        }
    }

    /// Rows and columns are the texts by number; a row ends with the beginning of its text.
    private static func printTable(_ cosines: [Float], _ texts: [String]) {
        let count = texts.count
        let head = (1...count).map { "\($0)".leftPadded(8) }.joined()
        Swift.print("    \(head)")
        for i in 0..<count {
            let row = cosines[i * count..<(i + 1) * count].map { fixed($0).leftPadded(8) }.joined()
            let text = texts[i].count > 40 ? texts[i].prefix(40) + "…" : texts[i]
            Swift.print("\(i + 1)".leftPadded(4) + row + "  " + text)
        }
    }

    /// Four digits behind the point.
    private static func fixed(_ x: Float) -> String {
        let scaled = Int((x.magnitude * 10000).rounded())
        let digits = "\(scaled % 10000)"
        let sign = x < 0 && scaled > 0 ? "-" : ""
        return "\(sign)\(scaled / 10000)." + String(repeating: "0", count: 4 - digits.count)
            + digits
    }

    /// On stderr, so that the vectors can go into a file.
    private static func close(_ texts: Int, _ tokens: Int, load: Double, work: Double) {
        let (perText, perToken) = (Double(texts) / work, Double(tokens) / work)
        let line =
            "\(texts) texts, \(tokens) tokens; load \(Int(load * 1000)) ms, embed \(Int(work * 1000)) ms:"
            + " \(Int(perText)) texts/s, \(Int(perToken)) tokens/s\n"
        let bytes = Array(line.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
