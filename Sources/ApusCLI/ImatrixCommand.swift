import Benchmarking
import Files
import Networks
import Tensors
import Text
import Transformers

/// `apus imatrix`: how much the columns of a model's matrices matter, for `apus quantize --imatrix`.
enum ImatrixCommand: Command {
    static let name = "imatrix"
    static let summary = "Measure on a text how much the columns of a model's matrices matter."
    static let usage = "MODEL -f TEXT -o FILE [--chunk 512] [--chunks N]"
    static let flags = [
        Flag("file", "TEXT", "the text: some thousand words of what the model is for", short: "f"),
        Flag("output", "FILE", "where the matrix goes (imatrix.gguf)", short: "o"),
        Flag("chunk", "N", "tokens that are seen at once (512)"),
        Flag("chunks", "N", "of how many chunks (all)"),
        Flag.device, Flag.threads,
    ]
    static let notes = """
        Take the file of full precision for MODEL, then: apus quantize MODEL OUT.gguf Q4_K_M --imatrix FILE.
        The file is llama.cpp's: its quantize reads it too.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.count == 1, let text = arguments.text("file") else {
            throw BenchmarkError.usage("imatrix: say apus imatrix MODEL -f TEXT -o FILE")
        }
        try setThreads(arguments)
        let bytes = try readFile(text)
        let loaded = try LoadedModel.load(arguments.words[0], on: TrainCommand.device(arguments))
        guard let tokenizer = loaded.tokenizer else {
            throw BenchmarkError.failure("\(arguments.words[0]): there is no tokenizer")
        }
        let most = loaded.model.context
        let chunk = try arguments.int("chunk", in: 1...most) ?? min(512, most)
        var tokens = tokenizer.encode(utf8: bytes, findsSpecial: false)
        if let count = try arguments.int("chunks", in: 1...1 << 24) {
            tokens = Array(tokens.prefix(count * chunk))
        }
        guard !tokens.isEmpty else { throw BenchmarkError.failure("\(text): there is no text") }
        let target = arguments.text("output") ?? "imatrix.gguf"
        var bar = ProgressBar("measuring")
        let matrix = loaded.importance(of: tokens, chunk: chunk, dataset: text) {
            bar.show($0, of: $1)
        }
        bar.clear()
        try matrix.write(to: target)
        print(
            "\(target): \(matrix.entries.count) matrices over \(matrix.chunkCount) chunks of \(chunk) tokens"
        )
        return 0
    }
}
