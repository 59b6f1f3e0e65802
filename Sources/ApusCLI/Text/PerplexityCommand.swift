import Benchmarking
import Files
import Networks
import Tensors
import Text
import Transformers

/// `apus perplexity`: how well a model expects a text, and how far it is from another.
enum PerplexityCommand: Command {
    static let name = "perplexity"
    static let summary = "Measure how well a language model expects a text."
    static let usage = "-m PATH -f FILE [-c 512] [--base PATH | --kl-divergence-base FILE]"
    static let flags =
        [
            Flag("file", "FILE", "the text", short: "f"),
            Flag("chunks", "N", "windows of the text that are looked at (all)"),
            Flag("base", "PATH", "a model to compare with: the divergence of this one from it"),
            Flag(
                "kl-divergence-base", "FILE",
                "writes what the model expects, or reads it with the next flag"),
            Flag("kl-divergence", nil, "compares with the file of --kl-divergence-base"),
            Flag("json", nil, "one JSON object instead of text"),
        ] + Flag.model + Flag.cache
    static let notes = """
          apus perplexity -m model-q4.gguf -f wiki.test.raw
          apus perplexity -m model-q4.gguf -f wiki.test.raw --base model-f16.gguf
          apus perplexity -m model-f16.gguf -f wiki.test.raw --kl-divergence-base f16.kld
          apus perplexity -m model-q4.gguf --kl-divergence-base f16.kld --kl-divergence

        As llama.cpp does: the text is cut into windows of -c tokens (512), and the second half of each counts.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.isEmpty else {
            throw BenchmarkError.usage("perplexity: \(arguments.words[0])? The text goes behind -f")
        }
        let path = arguments.text("kl-divergence-base")
        let compares = arguments.has("kl-divergence")
        if compares && path == nil {
            throw BenchmarkError.usage("--kl-divergence needs --kl-divergence-base FILE")
        }
        let saved = compares ? try path.map { try ExpectationFile(reading: $0) } : nil
        let choice = try ModelChoice(arguments)
        let start = choice.tokenizer.encode("").first
        let windows =
            try saved.map { try $0.windows(for: choice.loaded.model, start: start) }
            ?? windows(arguments, choice)
        let base = try arguments.text("base").map {
            try ModelChoice($0, on: choice.loaded.model.device)
        }
        if let base, base.loaded.model.vocabulary != choice.loaded.model.vocabulary {
            throw BenchmarkError.failure("\(base.loaded.name): another vocabulary than the model's")
        }
        let settings = try choice.engineSettings(arguments)
        func reader(_ choice: ModelChoice) -> WindowReader {
            WindowReader(
                choice.loaded.model, windows, batch: settings.batch, format: settings.format)
        }
        let (own, other) = (reader(choice), base.map(reader))
        let writer =
            try compares
            ? nil
            : path.map {
                try ExpectationWriter($0, windows, vocabulary: choice.loaded.model.vocabulary)
            }
        var perplexity = Perplexity(windows)
        var bar = ProgressBar("perplexity")
        for i in windows.ranges.indices {
            let logits = own.logits(i)
            try writer?.append(logits)
            perplexity.add(
                i, logits, base: other?.logits(i).map(logProbabilities) ?? saved?.rows(i))
            bar.show(i + 1, of: windows.ranges.count)
        }
        bar.clear()
        try writer?.finish()
        let report = PerplexityReport(perplexity: perplexity, windows: windows)
        print(arguments.has("json") ? report.json.text : report.text)
        return 0
    }

    private static func windows(_ arguments: Arguments, _ choice: ModelChoice) throws -> TextWindows
    {
        guard let file = arguments.text("file") else {
            throw BenchmarkError.usage("perplexity: -f FILE names the text")
        }
        let size = try arguments.int("ctx-size", in: 4...1 << 20) ?? 512
        guard size <= choice.loaded.model.context else {
            throw BenchmarkError.failure(
                "-c \(size): \(choice.loaded.name) was made for at most "
                    + "\(choice.loaded.model.context) tokens")
        }
        let tokens = choice.tokenizer.encode(utf8: try readFile(file))
        guard tokens.count >= 2 * size else {
            throw BenchmarkError.failure(
                "\(file): has \(tokens.count) tokens, but two windows of \(size) are the least; "
                    + "-c makes them smaller")
        }
        let most = try arguments.int("chunks", in: 1...1 << 30) ?? .max
        return TextWindows(
            tokens, size: size, most: most, start: choice.tokenizer.encode("").first)
    }
}
