import Benchmarking
import Files
import Glibc
import Tensors
import Transformers

/// `apus run`: a language model continues a text, or answers.
enum RunCommand: Command {
    static let name = "run"
    static let summary = "Continue a text, or answer, with a language model."
    static let usage = "-m PATH -p TEXT [-n N] [--flag value …]"
    static let flags =
        [
            Flag("prompt", "TEXT", "what is continued", short: "p"),
            Flag(
                "file", "FILE", "take the prompt from a file; - is the standard input", short: "f"),
            Flag("no-escape", nil, "\\n and \\t in the prompt stay as they are"),
            Flag(
                "chat", nil, "the prompt is a message: the model's chat template goes round it",
                short: "cnv"),
            Flag(
                "system-prompt", "TEXT", "with --chat, what the model is told first", short: "sys"),
            Flag("chat-template-file", "FILE", "a Jinja template instead of the model's"),
        ] + Flag.model + Flag.sampling + Flag.cache + [
            Flag("beams", "N", "look for the likeliest text with N beams, not token by token"),
            Flag(
                "draft", "PATH", "a smaller model of the same vocabulary that guesses ahead",
                short: "md"),
            Flag("lookup", nil, "guesses ahead what followed the same words before"),
            Flag("draft-max", "N", "the most tokens that are guessed at once (10)"),
            Flag(
                "prompt-cache", "FILE", "keeps what the model made of the prompt for the next run"),
            Flag("logprobs", "N", "shows log-probabilities of each token and the N likeliest"),
            Flag("no-display-prompt", nil, "shows only what is new"),
            Flag("json", nil, "one JSON object instead of text"),
        ]
    static let notes = """
          apus run -m model.gguf -p "Once upon a time" -n 100
          apus run -m model.gguf --chat -p "What is the capital of France?" --temp 0

        Guesses (--draft, --lookup) never change a text, only its speed; where they do not pay, they stop.
        The closing line on stderr shows the seed: -s SEED repeats a text. Ctrl-C ends it.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.isEmpty else {
            throw BenchmarkError.usage("run: \(arguments.words[0])? The prompt goes behind -p")
        }
        _ = try arguments.sampler()
        let text = try promptText(arguments)
        let session = try TextSession(arguments, name)
        let prompt = try session.prompt(text, arguments)
        let request = try arguments.request(prompt, session.choice)
        if let beams = try arguments.int("beams", in: 1...256), beams > 1 {
            try session.search(request, beams: beams, arguments)
            return 0
        }
        return try session.run(request, shown: shown(text, arguments), arguments)
    }

    /// What is shown before the new text.
    private static func shown(_ text: String, _ arguments: Arguments) -> String {
        arguments.has("no-display-prompt") || arguments.has("chat") ? "" : text
    }

    private static func promptText(_ arguments: Arguments) throws -> String {
        if let path = arguments.text("file") {
            let bytes = path == "-" ? standardInput() : try readFile(path)
            return String(decoding: bytes, as: UTF8.self)
        }
        let usual = arguments.has("model") ? "" : DefaultModel.prompt
        let text = arguments.text("prompt") ?? usual
        return arguments.has("no-escape") ? text : text.unescaped
    }

    private static func standardInput() -> [UInt8] {
        var text: [UInt8] = []
        while let line = readLine(strippingNewline: false) { text += line.utf8 }
        return text
    }
}

extension String {
    /// With \n, \t, \r, \", \' and \\ as the characters that they stand for.
    var unescaped: String {
        var result = ""
        var rest = self[...]
        while let letter = rest.popFirst() {
            guard letter == "\\", let next = rest.first else {
                result.append(letter)
                continue
            }
            let known: [Character: Character] = [
                "n": "\n", "t": "\t", "r": "\r", "\"": "\"", "'": "'", "\\": "\\",
            ]
            if let meant = known[next] {
                result.append(meant)
                rest.removeFirst()
            } else {
                result.append(letter)
            }
        }
        return result
    }
}
