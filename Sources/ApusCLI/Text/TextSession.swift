import Benchmarking
import Files
import Glibc
import Networks
import Tensors
import Text
import Transformers

/// A loaded model with an engine, as `apus run` and `apus chat` use it.
struct TextSession {
    let choice: ModelChoice
    let engine: Engine

    init(_ arguments: Arguments, _ command: String) throws {
        choice = try ModelChoice(arguments)
        let settings = try choice.engineSettings(arguments)
        engine = Engine(choice.loaded.model, choice.tokenizer, settings)
        engine.speculation = try speculation(arguments, settings)
    }

    private func speculation(_ arguments: Arguments, _ settings: Engine.Settings) throws
        -> Speculation?
    {
        let limit = try arguments.int("draft-max", in: 1...256) ?? 10
        guard let path = arguments.text("draft") else {
            return arguments.has("lookup") ? .lookup(limit: limit) : nil
        }
        let small = try ModelChoice(path, on: choice.loaded.model.device)
        guard small.tokenizer.count == choice.tokenizer.count else {
            throw BenchmarkError.failure(
                "\(path): the draft model has \(small.tokenizer.count) tokens, the model "
                    + "\(choice.tokenizer.count): they must have the same vocabulary")
        }
        return .draft(
            small.loaded.model, slots: settings.slots, context: engine.context,
            format: settings.format, limit: limit)
    }

    /// The tokens of a prompt, inside the chat template if that is asked for.
    func prompt(_ text: String, _ arguments: Arguments) throws -> [Int] {
        guard arguments.has("chat") else { return choice.tokens(text) }
        let system = arguments.text("system-prompt").map { [chatMessage("system", $0)] } ?? []
        let messages = system + [chatMessage("user", text)]
        return choice.tokens(try choice.prompt(messages, choice.template(arguments)))
    }

    /// Streams an answer, or collects it for JSON; then says how fast it was.
    func run(_ request: GenerationRequest, shown: String, _ arguments: Arguments) throws -> Int32 {
        let cache = arguments.text("prompt-cache").map { ($0, choice.identity) }
        if let (path, identity) = cache, exists(path) {
            try engine.loadCache(path, identity: identity)
        }
        let isJSON = arguments.has("json")
        Interrupt.catchAll()
        var answer = CollectedAnswer()
        var shown = shown
        var bar = ProgressBar("prompt")
        let statistics = try engine.run(request) { update in
            if update.statistics.newTokens == 0 {
                bar.show(update.statistics.readTokens, of: request.prompt.count)
            } else if update.statistics.newTokens == 1 {
                bar.clear()
            }
            answer.take(update)
            if !isJSON, update.statistics.newTokens > 0 {
                write(shown + update.text)
                shown = ""
            }
            return !Interrupt.take()
        }
        if isJSON {
            print(answer.json(request, choice, statistics).text)
        } else {
            if !answer.text.hasSuffix("\n") { write("\n") }
            if request.chances != nil { write(answer.table(choice.tokenizer)) }
        }
        if let (path, identity) = cache {
            try engine.saveCache(of: request.prompt, to: path, identity: identity)
        }
        let load = "loaded in \(rounded(choice.seconds, 2)) s, "
        say(load + closingLine(statistics, request, answer.finish))
        guard answer.finish != .broken else {
            throw BenchmarkError.failure("\(choice.loaded.name): the model gives no numbers")
        }
        return answer.finish == .cancelled ? 130 : 0
    }

    /// Finds the likeliest text with beams.
    func search(_ request: GenerationRequest, beams: Int, _ arguments: Arguments) throws {
        let room = engine.context - request.prompt.count
        guard room > 0, !request.prompt.isEmpty else {
            throw request.prompt.isEmpty
                ? GenerationError.emptyPrompt
                : GenerationError.promptTooLong(
                    tokens: request.prompt.count, most: engine.context - 1)
        }
        let search = BeamSearch(
            beams: beams, newTokens: max(1, min(request.newTokens ?? 128, room)),
            ends: request.ends)
        var bar = ProgressBar("\(beams) beams")
        let found = search(request.prompt, with: choice.loaded.model) {
            bar.show($0, of: search.newTokens)
        }
        bar.clear()
        for beam in found {
            let text = choice.tokenizer.decode(beam.tokens, keepsMarks: false)
            if arguments.has("json") {
                print(
                    JSON.object([
                        .init(key: "score", value: JSON(encoding: beam.score)),
                        .init(key: "text", value: .string(text)),
                    ]).text)
            } else {
                print("\(rounded(beam.score, 4))  \(text)")
            }
        }
    }

    /// "prompt 37 tokens at 410/s, 128 tokens at 45.2/s, seed 7"
    func closingLine(
        _ s: GenerationStatistics, _ request: GenerationRequest, _ finish: FinishReason?
    ) -> String {
        let reused = s.reusedTokens > 0 ? " (\(s.reusedTokens) of them cached)" : ""
        var parts = ["prompt \(s.promptTokens) tokens\(reused)\(speed(s.promptSpeed))"]
        parts.append("\(s.newTokens) new\(speed(s.newSpeed))")
        if let acceptance = s.acceptance {
            let share = "\(Int((acceptance * 100).rounded())) %"
            parts.append("\(s.rightTokens) of \(s.guessedTokens) guesses right (\(share))")
        } else if engine.speculation != nil {
            parts.append("guessing did not pay")
        }
        if request.sampler.temperature > 0 { parts.append("seed \(request.sampler.seed)") }
        if finish == .context { parts.append("the context of \(engine.context) tokens is full") }
        return parts.joined(separator: ", ")
    }

    private func speed(_ value: Double) -> String {
        value.isFinite && value > 0 ? " at \(rounded(value, 1))/s" : ""
    }
}

/// All that came of a request.
struct CollectedAnswer {
    private(set) var text = ""
    private(set) var tokens: [Int] = []
    private(set) var chances: [TokenChances] = []
    private(set) var finish: FinishReason?

    mutating func take(_ update: GenerationUpdate) {
        text += update.text
        if let token = update.token { tokens.append(token) }
        if let more = update.chances { chances.append(more) }
        finish = update.finish
    }
}

/// On the standard output, at once.
func write(_ text: String) {
    print(text, terminator: "")
    fflush(nil)
}

/// A line on stderr.
func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = Glibc.write(STDERR_FILENO, line, line.count)
}

/// With so many digits behind the point.
func rounded(_ x: Double, _ digits: Int) -> String {
    guard x.isFinite else { return "\(x)" }
    let factor = (0..<digits).reduce(1.0) { factor, _ in factor * 10 }
    let whole = (x.magnitude * factor).rounded()
    guard whole < 1e15 else { return "\(x)" }
    let text = String(Int(whole)).leftFilled(digits + 1)
    let sign = x < 0 && whole > 0 ? "-" : ""
    return digits == 0 ? sign + text : sign + text.dropLast(digits) + "." + text.suffix(digits)
}

extension String {
    fileprivate func leftFilled(_ width: Int) -> String {
        String(repeating: "0", count: max(0, width - count)) + self
    }
}
