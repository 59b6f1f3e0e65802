import Tensors
public import Text

/// Serves several requests with one model, a token of each in every pass: requests join and leave between passes, and
/// long prompts are fed in parts beside the others' tokens. What a request gets does not depend on the others.
///
///     let engine = Engine(model, tokenizer)
///     try engine.submit(GenerationRequest(tokenizer.encode("Once upon a time")))
///     while !engine.isIdle {
///         for update in engine.step() { print(update.text, terminator: "") }
///     }
public final class Engine {
    public struct Settings: Sendable {
        /// How many requests are served at once.
        public var slots = 1
        /// The most tokens of a request, with its answer; nil: as many as the model was made for.
        public var context: Int?
        /// The most tokens of a pass. More would read no faster, but take more memory for what lies between layers.
        public var batch = 256
        public var format = CacheFormat.f16

        public init() {}
    }

    public let model: any LanguageModel
    public let tokenizer: Tokenizer
    /// The most tokens of a request, with its answer.
    public let context: Int
    let batch: Int
    let cache: any KeyValueCache
    /// What each slot's cache holds.
    var cached: [[Int]]
    var running: [RunningSequence?]
    /// Guesses tokens ahead, where that pays.
    public var speculation: Speculation?
    private var waiting: [RunningSequence] = []
    private var lastID = 0

    public init(
        _ model: any LanguageModel, _ tokenizer: Tokenizer, _ settings: Settings = Settings()
    ) {
        require(
            settings.slots > 0 && settings.batch > 0,
            "Engine: \(settings.slots) slots, batches of \(settings.batch)")
        (self.model, self.tokenizer, batch) = (model, tokenizer, settings.batch)
        context = settings.context ?? model.context
        cache = model.makeCache(slots: settings.slots, capacity: context, format: settings.format)
        cached = Array(repeating: [], count: settings.slots)
        running = Array(repeating: nil, count: settings.slots)
    }

    /// Whether there is nothing to do.
    public var isIdle: Bool { waiting.isEmpty && running.allSatisfy { $0 == nil } }
    /// How many requests wait for a slot.
    public var waitingCount: Int { waiting.count }
    /// The bytes of all keys and values.
    public var cacheBytes: Int { cache.byteCount }

    /// Puts a request in line, and gives the number that its updates bear.
    @discardableResult
    public func submit(_ request: GenerationRequest) throws(GenerationError) -> Int {
        if request.prompt.isEmpty { throw .emptyPrompt }
        if request.prompt.count >= context {
            throw .promptTooLong(tokens: request.prompt.count, most: context - 1)
        }
        let known = 0..<model.vocabulary
        if let stranger = request.prompt.first(where: { !known.contains($0) }) {
            throw .unknownToken(stranger)
        }
        lastID += 1
        waiting.append(RunningSequence(id: lastID, request, tokenizer))
        return lastID
    }

    /// Ends a request; gives its last update, if it was still there.
    @discardableResult
    public func cancel(_ id: Int) -> GenerationUpdate? {
        if let place = waiting.firstIndex(where: { $0.id == id }) {
            var sequence = waiting.remove(at: place)
            return sequence.close(.cancelled)
        }
        guard let slot = running.firstIndex(where: { $0?.id == id }) else { return nil }
        defer { running[slot] = nil }
        return running[slot]?.close(.cancelled)
    }

    /// Serves one request to its end. `isGoingOn` sees each update, and says whether to go on.
    @discardableResult
    public func run(
        _ request: GenerationRequest, isGoingOn: (GenerationUpdate) -> Bool = { _ in true }
    ) throws(GenerationError) -> GenerationStatistics {
        let id = try submit(request)
        var statistics = GenerationStatistics()
        while !isIdle {
            for update in step() where update.id == id {
                statistics = update.statistics
                guard !isGoingOn(update), update.finish == nil else { continue }
                if let last = cancel(id) { _ = isGoingOn(last) }
            }
        }
        return statistics
    }

    /// Gives waiting requests the free slots, each the one that holds most of its prompt already.
    func admit() {
        while !waiting.isEmpty {
            let free = running.indices.filter { running[$0] == nil }
            let prompt = waiting[0].request.prompt
            let shared = free.map { ($0, sharedLength(cached[$0], prompt)) }
            guard let (slot, length) = shared.max(by: { $0.1 < $1.1 }) else { return }
            var sequence = waiting.removeFirst()
            // The last token is fed anew for its logits.
            let kept = min(length, prompt.count - 1)
            forget(slot, from: kept)
            sequence.begin(reusing: kept)
            running[slot] = sequence
        }
    }

    func forget(_ slot: Int, from count: Int) {
        guard cached[slot].count > count else { return }
        cached[slot].removeLast(cached[slot].count - count)
        cache.truncate(slot, to: count)
    }
}

/// How many first elements two lists share.
func sharedLength(_ a: [Int], _ b: [Int]) -> Int {
    zip(a, b).prefix { $0 == $1 }.count
}
