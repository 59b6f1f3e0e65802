/// An engine that many tasks ask at once: each gets its answer as a stream, served beside the others'.
///
///     for try await update in await service.answer(request) { print(update.text, terminator: "") }
///
/// Leaving the stream ends the request.
public actor GenerationService {
    private let engine: Engine
    private var listeners: [Int: AsyncThrowingStream<GenerationUpdate, any Error>.Continuation] =
        [:]
    private var isWorking = false

    public init(_ engine: sending Engine) { self.engine = engine }

    /// The updates of a request; an error if it cannot be served.
    public func answer(_ request: GenerationRequest) -> AsyncThrowingStream<
        GenerationUpdate, any Error
    > {
        let (stream, listener) = AsyncThrowingStream.makeStream(of: GenerationUpdate.self)
        do {
            let id = try engine.submit(request)
            listeners[id] = listener
            listener.onTermination = { reason in
                if case .cancelled = reason { Task { await self.cancel(id) } }
            }
            work()
        } catch {
            listener.finish(throwing: error)
        }
        return stream
    }

    /// The requests that are served or wait.
    public var count: Int { listeners.count }

    private func cancel(_ id: Int) {
        if let update = engine.cancel(id) { deliver(update) }
    }

    private func work() {
        if isWorking { return }
        isWorking = true
        Task { await serve() }
    }

    /// Passes until nothing is left; between them, others may come in.
    private func serve() async {
        while !engine.isIdle {
            for update in engine.step() { deliver(update) }
            await Task.yield()
        }
        isWorking = false
    }

    private func deliver(_ update: GenerationUpdate) {
        listeners[update.id]?.yield(update)
        if update.finish != nil { listeners.removeValue(forKey: update.id)?.finish() }
    }
}
