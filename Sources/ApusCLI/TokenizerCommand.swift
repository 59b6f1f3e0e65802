import Benchmarking
import Files
import Glibc
import Networks
import Text

/// `apus tokenizer train`: makes a vocabulary from text files.
enum TokenizerCommand: Command {
    static let name = "tokenizer"
    static let summary = "Train a vocabulary on text files: byte pairs or characters."
    static let usage = "train FILE… [--type bpe|char] [--vocab N] [--out DIR]"
    static let flags = [
        Flag("type", "T", "bpe: byte pairs (usual); char: single characters"),
        Flag("vocab", "N", "how many tokens (bpe: \(TokenizerTrainer.usualSize); char: all)"),
        Flag("special", "S,…", "marks, which get the first ids (<|endoftext|>; none: no marks)"),
        Flag("out", "DIR", "where tokenizer.json goes (tokenizer)"),
    ]
    static let notes = """
        The file is Hugging Face's tokenizer.json: their libraries read it, and apus tokenize -m DIR TEXT.
        The same files and flags give the same tokens, always.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.first == "train" else {
            throw BenchmarkError.usage("tokenizer: say apus tokenizer train FILE…")
        }
        let files = arguments.words.dropFirst()
        guard !files.isEmpty else {
            throw BenchmarkError.usage("tokenizer train: no text file is named")
        }
        let trainer = try trained(Array(files), empty(arguments))
        let folder = arguments.text("out") ?? "tokenizer"
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw FileError(folder, "cannot be made: \(String(cString: strerror(errno)))")
        }
        var bar = ProgressBar("merging")
        let json = trainer.json { bar.show($0, of: $1) }
        bar.clear()
        let path = "\(folder)/tokenizer.json"
        let tokenizer = try Tokenizer(json: json, path: path)
        try writeFile(path, [Array(json.text.utf8), [10]])
        print("\(path): \(tokenizer.count) tokens")
        return 0
    }

    private static func empty(_ arguments: Arguments) throws -> TokenizerTrainer {
        let type = arguments.text("type") ?? "bpe"
        guard let kind = TokenizerTrainer.Kind(rawValue: type) else {
            throw BenchmarkError.usage("--type is \(type), but must be bpe or char")
        }
        var marks = try arguments.list("special") ?? ["<|endoftext|>"]
        if marks == ["none"] { marks = [] }
        let least = TokenizerTrainer.least(kind, marks: marks)
        let size = try arguments.int("vocab", in: least...1_000_000)
        return TokenizerTrainer(kind, size: size, marks: marks)
    }

    private static func trained(_ files: [String], _ empty: TokenizerTrainer) throws
        -> TokenizerTrainer
    {
        var trainer = empty
        var bar = ProgressBar("counting")
        for path in files {
            let text = try readFile(path)
            // In parts that end with a line, so that the bar moves.
            var start = 0
            while start < text.count {
                let aim = min(start + 1 << 22, text.count)
                let end = text[aim...].firstIndex(of: 10).map { $0 + 1 } ?? text.count
                trainer.add(Array(text[start..<end]))
                start = end
                bar.show(start, of: text.count)
            }
        }
        bar.clear()
        return trainer
    }
}
