import Files
import Glibc
import Testing
import Text

@testable import Transformers

/// An engine on a made-up model that speaks small letters.
struct Setup {
    let tokenizer: Tokenizer
    var model = MadeUpModel(vocabulary: 26)

    init(memory: Int = 3) throws {
        var trainer = TokenizerTrainer(.char, size: nil, marks: [])
        trainer.add(Array("abcdefghijklmnopqrstuvwxyz".utf8))
        tokenizer = try trainer.tokenizer()
        model.memory = memory
    }

    func engine(slots: Int = 1, context: Int = 128, batch: Int = 16) -> Engine {
        var settings = Engine.Settings()
        (settings.slots, settings.context, settings.batch) = (slots, context, batch)
        return Engine(model, tokenizer, settings)
    }

    func request(_ prompt: String, _ count: Int? = 20, temperature: Float = 0, seed: UInt64 = 0)
        -> GenerationRequest
    {
        var request = GenerationRequest(tokenizer.encode(prompt))
        request.newTokens = count
        request.sampler.temperature = temperature
        request.sampler.seed = seed
        return request
    }

    /// What the same request gives without an engine.
    func plain(_ request: GenerationRequest) -> [Int] {
        var chain = SamplerChain(request.sampler)
        var said = request.prompt
        while said.count - request.prompt.count < request.newTokens ?? 0 {
            said.append(chain.next(model.logits(after: said), after: said) ?? -1)
        }
        return Array(said[request.prompt.count...])
    }
}

/// All that came of a request.
struct Answer: Equatable {
    var tokens: [Int] = []
    var text = ""
    var finish: FinishReason?

    mutating func take(_ update: GenerationUpdate) {
        if let token = update.token { tokens.append(token) }
        text += update.text
        finish = update.finish
    }
}

extension Engine {
    func answer(_ request: GenerationRequest) throws -> (Answer, GenerationStatistics) {
        var answer = Answer()
        let statistics = try run(request) {
            answer.take($0)
            return true
        }
        return (answer, statistics)
    }
}

@Suite struct EngineTests {
    let setup: Setup
    init() throws { setup = try Setup() }

    @Test(arguments: [0, 0.7, 1.5] as [Float], [1, 3, 16])
    func anAnswerIsThatOfALoop(temperature: Float, batch: Int) throws {
        let request = setup.request("once upon", 30, temperature: temperature, seed: 5)
        let (answer, statistics) = try setup.engine(batch: batch).answer(request)
        #expect(answer.tokens == setup.plain(request) && answer.finish == .length)
        #expect(answer.text == setup.tokenizer.decode(answer.tokens))
        #expect(statistics.promptTokens == 8 && statistics.newTokens == 30)
    }

    @Test(arguments: [1, 2, 3, 8], [2, 5, 64])
    func anAnswerDoesNotDependOnTheOthers(slots: Int, batch: Int) throws {
        let words = ["a", "abc", "thequickbrownfox", "zzz", "abcd", "hello", "world", "abc"]
        let requests = words.enumerated().map { i, word in
            setup.request(word, 5 + i * 3, temperature: i % 2 == 0 ? 0 : 1, seed: UInt64(i))
        }
        let engine = setup.engine(slots: slots, batch: batch)
        var answers: [Int: Answer] = [:]
        // The last three come while others are being served.
        var ids = try requests.prefix(5).map { try engine.submit($0) }
        for pass in 0..<1000 where !engine.isIdle {
            if pass == 4 { ids += try requests.dropFirst(5).map { try engine.submit($0) } }
            for update in engine.step() { answers[update.id, default: Answer()].take(update) }
        }
        for (id, request) in zip(ids, requests) {
            #expect(answers[id]?.tokens == setup.plain(request) && answers[id]?.finish == .length)
        }
    }

    @Test func aSharedBeginningIsNotFedAgain() throws {
        let engine = setup.engine(slots: 2)
        _ = try engine.answer(setup.request("thequickbrown"))
        let again = setup.request("thequickbrownfox", temperature: 1, seed: 3)
        let (answer, statistics) = try engine.answer(again)
        #expect(statistics.reusedTokens >= 13 && answer.tokens == setup.plain(again))
        let (_, same) = try engine.answer(setup.request("thequickbrown"))
        #expect(same.reusedTokens == 12)
    }

    @Test func answersEndAtEndTokensAndTexts() throws {
        var request = setup.request("once upon", 60)
        let all = setup.plain(request)
        request.ends = [all[7]]
        let first = all.firstIndex(of: all[7]) ?? 0
        var (answer, _) = try setup.engine().answer(request)
        #expect(answer.tokens == Array(all[...first]) && answer.finish == .end)
        #expect(answer.text == setup.tokenizer.decode(Array(all[..<first])))
        request.ends = []
        let text = setup.tokenizer.decode(all)
        let stop = String(text.dropFirst(10).prefix(3))
        request.stops = ["123", stop]
        (answer, _) = try setup.engine().answer(request)
        #expect(answer.finish == .stop(stop))
        #expect(answer.text + stop == text.prefix(answer.text.count + 3))
        #expect(!answer.text.contains(stop))
    }

    @Test func whatCannotBeServedIsRefused() throws {
        let engine = setup.engine(context: 16)
        #expect(throws: GenerationError.emptyPrompt) { try engine.submit(setup.request("")) }
        let long = setup.request("abcdefghijklmnop")
        let problem = GenerationError.promptTooLong(tokens: 16, most: 15)
        #expect(throws: problem) { try engine.submit(long) }
        #expect(problem.description.contains("16 tokens") && "\(problem)".contains("15 fit"))
        #expect(throws: GenerationError.unknownToken(26)) {
            try engine.submit(GenerationRequest([1, 26]))
        }
        #expect(throws: GenerationError.unknownToken(-1)) {
            try engine.submit(GenerationRequest([-1]))
        }
        #expect(engine.isIdle)
    }

    @Test func aFullContextEndsOrShifts() throws {
        var request = setup.request("abcdefghijk", nil)
        let (answer, _) = try setup.engine(context: 16).answer(request)
        #expect(answer.finish == .context && answer.tokens.count == 6)
        request.newTokens = 100
        request.shiftsContext = true
        request.kept = 4
        let (longer, _) = try setup.engine(context: 16).answer(request)
        // The model looks three tokens back, which are always there.
        #expect(longer.tokens == setup.plain(request))
    }

    @Test func aRequestCanBeCancelled() throws {
        let engine = setup.engine()
        let (first, second) = (
            try engine.submit(setup.request("abc")), try engine.submit(setup.request("xyz"))
        )
        for _ in 0..<4 { _ = engine.step() }
        #expect(engine.waitingCount == 1)
        #expect(engine.cancel(second)?.finish == .cancelled)
        #expect(engine.cancel(first)?.finish == .cancelled && engine.isIdle)
        #expect(engine.cancel(first) == nil)
        var count = 0
        try engine.run(setup.request("abc")) { _ in
            count += 1
            return count < 3
        }
        #expect(count == 4 && engine.isIdle)
    }

    @Test func longPromptsAreReadInParts() throws {
        var read: [Int] = []
        try setup.engine(batch: 4).run(setup.request("thequickbrownfox", 2)) {
            read.append($0.statistics.readTokens)
            return true
        }
        #expect(read == [4, 8, 12, 16, 16])
    }

    @Test func chancesComeWithTokens() throws {
        var request = setup.request("abc", 4)
        request.chances = 3
        var updates: [GenerationUpdate] = []
        try setup.engine().run(request) {
            updates.append($0)
            return true
        }
        for update in updates {
            #expect(update.chances?.top.count == 3)
            #expect(update.chances?.top.first == update.chances?.chosen)
        }
    }
}

@Suite struct SpeculationTests {
    /// A model that soon goes round in circles, one that does not, and one that the draft model knows nothing of.
    @Test(arguments: [1, 2, 3], [0, 0.8] as [Float])
    func guessesDoNotChangeTheText(memory: Int, temperature: Float) throws {
        let setup = try Setup(memory: memory)
        var other = setup.model
        other.seed = 9
        let ways = [
            Speculation.lookup(), .draft(setup.model, slots: 2, context: 128),
            .draft(other, slots: 2, context: 128),
        ]
        for speculation in ways {
            let engine = setup.engine(slots: 2)
            engine.speculation = speculation
            let requests = ["abcabc", "xyz"].map {
                setup.request($0, 110, temperature: temperature, seed: 2)
            }
            var answers: [Int: Answer] = [:]
            let ids = try requests.map { try engine.submit($0) }
            while !engine.isIdle {
                for update in engine.step() { answers[update.id, default: Answer()].take(update) }
            }
            for (id, request) in zip(ids, requests) {
                #expect(answers[id]?.tokens == setup.plain(request))
            }
        }
    }

    @Test func rightGuessesSparePasses() throws {
        let setup = try Setup(memory: 1)
        let engine = setup.engine()
        engine.speculation = .lookup()
        let (_, statistics) = try engine.answer(setup.request("abc", 100))
        let acceptance = try #require(statistics.acceptance)
        #expect(statistics.guessedTokens > 10 && acceptance > 0.5)
    }

    @Test func guessingStopsWhereItDoesNotPay() {
        var gauge = SpeculationGauge()
        var on = 0
        for _ in 0..<2000 {
            on += gauge.isOn ? 1 : 0
            gauge.measure(tokens: 1, of: 1, seconds: gauge.isOn ? 0.02 : 0.01)
        }
        #expect(on > 0 && on < 200)
        gauge = SpeculationGauge()
        on = 0
        for _ in 0..<2000 {
            on += gauge.isOn ? 1 : 0
            gauge.measure(tokens: gauge.isOn ? 3 : 1, of: 1, seconds: gauge.isOn ? 0.02 : 0.01)
        }
        #expect(on > 1900)
    }
}

@Suite struct StopTextTests {
    @Test(arguments: [
        (["ab", "c", "abd"], ["abd"], "abc", "abd"),
        (["x", "yz", "STO", "P later"], ["STOP"], "xyz", "STOP"),
        (["aaab"], ["aab"], "a", "aab"), (["a", "a", "a"], ["aaaa"], "aaa", ""),
        (["one two"], ["two", "ne"], "o", "ne"), (["grü", "ße"], ["üße"], "gr", "üße"),
        (["no", "thing"], [], "nothing", ""), (["abc"], [""], "abc", ""),
    ])
    func whatIsShown(parts: [String], stops: [String], shown: String, found: String) {
        var filter = StopText(stops)
        var text = ""
        for part in parts {
            text += filter.next(part)
            #expect(shown.hasPrefix(text))
        }
        text += filter.finish()
        #expect(text == shown && (filter.found ?? "") == found)
    }
}

@Suite struct PromptCacheTests {
    let path = "/tmp/apus-prompt-cache-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    @Test func aFileSparesThePrompt() throws {
        defer { unlink(path) }
        let setup = try Setup()
        let engine = setup.engine()
        let request = setup.request("thequickbrownfox")
        let (answer, _) = try engine.answer(request)
        try engine.saveCache(of: request.prompt, to: path, identity: "m")
        let other = setup.engine()
        #expect(try other.loadCache(path, identity: "m") == request.prompt)
        let (again, statistics) = try other.answer(request)
        #expect(again == answer && statistics.reusedTokens == request.prompt.count - 1)
        #expect(throws: FileError.self) { try setup.engine().loadCache(path, identity: "n") }
        #expect(throws: FileError.self) {
            try setup.engine(context: 8).loadCache(path, identity: "m")
        }
        try writeFile(path, [Array("junk".utf8)])
        #expect(throws: FileError.self) { try setup.engine().loadCache(path, identity: "m") }
        #expect(throws: FileError.self) {
            try setup.engine().saveCache(of: [1], to: path, identity: "m")
        }
    }
}

@Suite struct GenerationServiceTests {
    @Test func manyTasksAreServed() async throws {
        let setup = try Setup()
        let service = GenerationService(setup.engine(slots: 3))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for i in 0..<8 {
                group.addTask {
                    let request = setup.request("abc", 10 + i, temperature: 1, seed: UInt64(i))
                    var answer = Answer()
                    for try await update in await service.answer(request) { answer.take(update) }
                    #expect(answer.tokens == setup.plain(request) && answer.finish == .length)
                }
            }
            try await group.waitForAll()
        }
        #expect(await service.count == 0)
    }

    @Test func anErrorComesThroughTheStream() async throws {
        let service = GenerationService(try Setup().engine())
        await #expect(throws: GenerationError.emptyPrompt) {
            for try await _ in await service.answer(GenerationRequest([])) {}
        }
    }

    @Test func leavingTheStreamEndsTheRequest() async throws {
        let setup = try Setup()
        let service = GenerationService(setup.engine(context: 100_000))
        for try await _ in await service.answer(setup.request("abc", nil)) { break }
        for _ in 0..<1000 where await service.count > 0 { await Task.yield() }
        #expect(await service.count == 0)
    }
}
