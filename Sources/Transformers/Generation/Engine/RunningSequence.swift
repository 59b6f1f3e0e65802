import Text

/// A request on its way: what was said, what the model has yet to see, and what of the text is out.
struct RunningSequence {
    let id: Int
    let request: GenerationRequest
    /// The prompt and all new tokens.
    private(set) var said: [Int]
    /// The tokens that the model has not seen.
    var pending: ArraySlice<Int>
    /// Guesses that stand at the end of the tokens being fed.
    var guesses: [Int] = []
    var statistics = GenerationStatistics()
    private(set) var finish: FinishReason?
    private var chain: SamplerChain
    private var stream: TokenStream
    private var stopText: StopText
    /// When it got a slot.
    private var start = ContinuousClock.now
    private var first: ContinuousClock.Instant?

    init(id: Int, _ request: GenerationRequest, _ tokenizer: Tokenizer) {
        (self.id, self.request) = (id, request)
        said = request.prompt
        pending = request.prompt[...]
        chain = SamplerChain(request.sampler)
        stream = TokenStream(tokenizer, keepsMarks: request.showsMarks)
        stopText = StopText(request.stops)
        statistics.promptTokens = request.prompt.count
    }

    /// Gets a slot whose cache holds the first `reused` tokens of the prompt.
    mutating func begin(reusing reused: Int) {
        pending = request.prompt[reused...]
        (statistics.reusedTokens, statistics.readTokens) = (reused, reused)
        start = .now
    }

    /// How many tokens may still come.
    var room: Int { (request.newTokens ?? .max) - statistics.newTokens }

    /// A part of the prompt was read; `count` of its tokens are now.
    mutating func read(_ count: Int) -> GenerationUpdate {
        if statistics.newTokens == 0 { statistics.readTokens = count }
        return update(nil, "", nil)
    }

    /// Chooses the next token from the logits of what was said.
    mutating func advance(_ logits: [Float]) -> GenerationUpdate {
        guard let token = chain.next(logits, after: said) else { return close(.broken) }
        count()
        let chances = request.chances.map { TokenChances(logits, chosen: token, top: $0) }
        if request.ends.contains(token) {
            said.append(token)
            return close(.end, token: token, chances)
        }
        said.append(token)
        pending = [token]
        let text = stopText.next(stream.next(token))
        if let stop = stopText.found { return close(.stop(stop), token: token, chances, text) }
        if room <= 0 { return close(.length, token: token, chances, text) }
        return update(token, text, chances)
    }

    private mutating func count() {
        let now = ContinuousClock.now
        if let first {
            statistics.newSeconds = (now - first) / .seconds(1)
        } else {
            first = now
            statistics.readTokens = statistics.promptTokens
            statistics.promptSeconds = (now - start) / .seconds(1)
        }
        statistics.newTokens += 1
    }

    /// Ends the answer; the text that was held back comes out.
    mutating func close(
        _ reason: FinishReason, token: Int? = nil, _ chances: TokenChances? = nil,
        _ text: String = ""
    ) -> GenerationUpdate {
        finish = reason
        pending = []
        let rest = stopText.next(stream.finish()) + stopText.finish()
        if reason == .end || reason == .cancelled, let stop = stopText.found {
            finish = .stop(stop)
        }
        return update(token, text + rest, chances)
    }

    private func update(_ token: Int?, _ text: String, _ chances: TokenChances?)
        -> GenerationUpdate
    {
        GenerationUpdate(
            id: id, token: token, text: text, chances: chances, finish: finish,
            statistics: statistics)
    }
}
