import Benchmarking
import Files
import Glibc
import Transformers

/// `apus chat`: a conversation with a language model on the terminal.
enum ChatCommand: Command {
    static let name = "chat"
    static let summary = "Talk with a language model."
    static let usage = "-m PATH [--system TEXT] [--flag value …]"
    static let flags =
        [
            Flag("system", "TEXT", "what the model is told first", short: "sys"),
            Flag("prompt", "TEXT", "the first message", short: "p"),
            Flag("chat-template-file", "FILE", "a Jinja template instead of the model's"),
            Flag("load", "FILE", "go on with a conversation that was saved"),
        ] + Flag.model + Flag.sampling + Flag.cache + [
            Flag(
                "draft", "PATH", "a smaller model of the same vocabulary that guesses ahead",
                short: "md"),
            Flag("lookup", nil, "guesses ahead what followed the same words before"),
            Flag("draft-max", "N", "the most tokens that are guessed at once (10)"),
        ]
    static let notes = """
        Type a message and press return; a line that ends with \\ goes on in the next one. Ctrl-C ends an answer,
        twice in a row the conversation. Messages can come through a pipe too, one a line.

        \(ChatSession.help)
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.isEmpty else {
            throw BenchmarkError.usage("chat: \(arguments.words[0])? A message goes behind -p")
        }
        _ = try arguments.sampler()
        var session = try ChatSession(arguments)
        try session.converse()
        return 0
    }
}
