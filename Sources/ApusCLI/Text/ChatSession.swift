import Benchmarking
import Files
import Glibc
import Text
import Transformers

/// A conversation: what was said, and the model that answers.
struct ChatSession {
    private let session: TextSession
    private let template: ChatTemplate
    private let arguments: Arguments
    private let isTerminal = isatty(STDIN_FILENO) == 1
    private var input = LineReader()
    private var messages: [ChatMessage] = []
    /// What the model was told first.
    private var system: String?
    private var answers: UInt64 = 0
    private let sampler: SamplerSettings

    static let help = """
        /help              this list
        /clear             forget the conversation
        /system TEXT       tell the model something first, and begin anew
        /regenerate        another answer to the last message
        /save FILE         write the conversation as JSON
        /load FILE         go on with one that was written
        /exit              end (also Ctrl-D)
        """

    init(_ arguments: Arguments) throws {
        self.arguments = arguments
        session = try TextSession(arguments, ChatCommand.name)
        template = try session.choice.template(arguments)
        sampler = try arguments.sampler()
        system = arguments.text("system")
        if let path = arguments.text("load") { try load(path) }
    }

    /// Reads messages and answers them until there are no more.
    mutating func converse() throws {
        Interrupt.catchAll()
        if isTerminal {
            let seconds = rounded(session.choice.seconds, 2)
            say(
                "\(session.choice.loaded.description), loaded in \(seconds) s; /help lists the commands."
            )
        }
        if let first = arguments.text("prompt") {
            if isTerminal { print("> \(first)") }
            try attempt { try $0.answer(first) }
        }
        while let line = nextMessage() {
            if line.allSatisfy(\.isWhitespace) { continue }
            if line == "/exit" || line == "/quit" { break }
            try attempt { session in
                if line.hasPrefix("/") { try session.obey(line) } else { try session.answer(line) }
            }
        }
    }

    /// On a terminal, what goes wrong is said, and the conversation goes on.
    private mutating func attempt(_ body: (inout ChatSession) throws -> Void) throws {
        do {
            try body(&self)
        } catch  where isTerminal {
            complain("\(error)")
        }
    }

    /// A message of one or several lines; nil at the end of the input.
    private mutating func nextMessage() -> String? {
        var text = ""
        var presses = 0
        while true {
            let prompt = text.isEmpty ? Terminal.styled("> ", "1") : "… "
            switch input.next(isTerminal ? prompt : "") {
            case .end: return text.isEmpty ? nil : text
            case .interrupted:
                // Once forgets the line, twice ends.
                _ = Interrupt.take()
                presses += 1
                if presses > 1 || !isTerminal { return nil }
                text = ""
                say("\nCtrl-C again, or /exit, ends the conversation.")
            case .text(let line):
                guard line.hasSuffix("\\") else { return text + line }
                text += line.dropLast() + "\n"
            }
        }
    }

    private mutating func obey(_ line: String) throws {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        let rest = parts.count > 1 ? parts[1] : ""
        switch parts[0] {
        case "/help": print(ChatSession.help)
        case "/clear": messages = []
        case "/system": (system, messages) = (rest.isEmpty ? nil : rest, [])
        case "/regenerate": try regenerate()
        case "/save": try save(rest)
        case "/load": try load(rest)
        default:
            throw BenchmarkError.usage(
                "there is no command \(parts[0]); /help lists those that there are")
        }
    }

    // MARK: answers

    private mutating func regenerate() throws {
        guard let last = messages.lastIndex(where: { $0.role == "user" }) else {
            throw BenchmarkError.usage("/regenerate: nothing was said yet")
        }
        let text = messages[last].content
        messages.removeSubrange(last...)
        try answer(text)
    }

    private mutating func answer(_ text: String) throws {
        let prompt = try prompt(with: ChatMessage(role: "user", content: text))
        var request = try arguments.request(prompt, session.choice)
        request.sampler = sampler
        request.sampler.seed &+= answers
        if arguments.has("ignore-eos") {
            request.sampler.bias = try arguments.request(prompt, session.choice).sampler.bias
        }
        answers += 1
        var answer = CollectedAnswer()
        let statistics = try session.engine.run(request) { update in
            answer.take(update)
            write(update.text)
            return !Interrupt.take()
        }
        write("\n")
        messages.append(ChatMessage(role: "user", content: text))
        messages.append(ChatMessage(role: "assistant", content: answer.text))
        if isTerminal {
            let line = session.closingLine(statistics, request, answer.finish)
            say(Terminal.styled("[\(line)]", "2"))
        }
    }

    /// The prompt with one more message; where context shift is asked for, without the oldest ones that no longer fit.
    private mutating func prompt(with message: ChatMessage) throws -> [Int] {
        while true {
            let first = system.map { [ChatMessage(role: "system", content: $0)] } ?? []
            let list = (first + messages + [message]).map { chatMessage($0.role, $0.content) }
            let tokens = session.choice.tokens(try session.choice.prompt(list, template))
            let fits = tokens.count < session.engine.context
            guard !fits, !messages.isEmpty, arguments.has("context-shift") else {
                if fits { return tokens }
                throw BenchmarkError.failure(
                    "the conversation has \(tokens.count) tokens, but the context holds "
                        + "\(session.engine.context): -c makes it larger, /clear begins anew")
            }
            messages.removeFirst(min(2, messages.count))
        }
    }

    // MARK: files

    private func save(_ path: String) throws {
        guard !path.isEmpty else { throw BenchmarkError.usage("/save needs a file's name") }
        let first = system.map { [ChatMessage(role: "system", content: $0)] } ?? []
        try writeFile(path, [Array(JSON(encoding: first + messages).indented.utf8)])
        if isTerminal { say("\(messages.count) messages are in \(path)") }
    }

    private mutating func load(_ path: String) throws {
        guard !path.isEmpty else { throw BenchmarkError.usage("/load needs a file's name") }
        let json = try JSON(parsing: readFile(path), path: path)
        var found = try json.decoded([ChatMessage].self, path: path)
        system = found.first?.role == "system" ? found.removeFirst().content : system
        messages = found
    }
}

/// Who said what.
struct ChatMessage: Codable, Equatable {
    let role: String
    let content: String
}
