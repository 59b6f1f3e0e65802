import Tensors

extension Engine {
    /// One pass of the model over what all requests have pending, and what comes of it.
    public func step() -> [GenerationUpdate] {
        admit()
        var updates = makeRoom()
        guess()
        let runs = nextRuns()
        if runs.isEmpty { return updates }
        let start = ContinuousClock.now
        let logits = model.logits(TokenBatch(runs), cache)
        let rows = LogitRows(logits)
        var row = 0
        for run in runs {
            cached[run.slot] += run.tokens
            let count = run.wantedCount
            if count > 0 {
                updates += advance(run.slot, rows, row..<row + count)
            } else if let update = running[run.slot]?.read(cached[run.slot].count) {
                updates.append(update)
            }
            row += count
        }
        let tokens = updates.count { $0.token != nil }
        speculation?.measure(
            runs, tokens: tokens, seconds: (ContinuousClock.now - start) / .seconds(1))
        return updates
    }

    /// Ends or shortens what has reached the end of its context.
    private func makeRoom() -> [GenerationUpdate] {
        running.indices.compactMap { slot in
            guard let sequence = running[slot], cached[slot].count >= context else { return nil }
            let request = sequence.request
            guard request.shiftsContext, request.kept < context - 1 else {
                defer { running[slot] = nil }
                return running[slot]?.close(.context)
            }
            drop((context - request.kept + 1) / 2, behind: request.kept, slot)
            return nil
        }
    }

    /// Forgets tokens of a slot. Those behind them move forward, or are read anew.
    private func drop(_ count: Int, behind kept: Int, _ slot: Int) {
        guard !cache.isMovable else {
            cache.shift(slot, keeping: kept, dropping: count)
            cached[slot].removeSubrange(kept..<kept + count)
            return
        }
        let unseen = cached[slot][(kept + count)...] + (running[slot]?.pending ?? [])
        forget(slot, from: kept)
        running[slot]?.pending = unseen
    }

    /// Tokens that answer take part in every pass; what is left of it goes to prompts, first come, first served.
    private func nextRuns() -> [TokenBatch.Run] {
        var left = batch
        var runs: [TokenBatch.Run] = []
        let order = running.indices.filter { running[$0] != nil }.sorted { a, b in
            place(a) < place(b)
        }
        for slot in order {
            guard let sequence = running[slot], left > 0 else { break }
            let count = min(left, sequence.pending.count, context - cached[slot].count)
            let isLast = count == sequence.pending.count
            let guesses = isLast ? sequence.guesses.prefix(left - count) : []
            running[slot]?.guesses = Array(guesses)
            running[slot]?.pending = sequence.pending.dropFirst(count)
            let tokens = sequence.pending.prefix(count) + guesses
            runs.append(
                TokenBatch.Run(
                    Array(tokens), slot: slot,
                    wanted: !isLast ? .none : guesses.isEmpty ? .last : .all))
            left -= tokens.count
        }
        return runs
    }

    private func place(_ slot: Int) -> (Int, Int) {
        guard let sequence = running[slot] else { return (0, 0) }
        return (sequence.pending.count > 1 ? 1 : 0, sequence.id)
    }

    /// Chooses tokens as long as the guesses fed with the last one turn out right.
    private func advance(_ slot: Int, _ rows: LogitRows, _ range: Range<Int>) -> [GenerationUpdate]
    {
        guard var sequence = running[slot] else { return [] }
        let guesses = sequence.guesses
        sequence.guesses = []
        let seen = cached[slot].count - guesses.count
        var updates: [GenerationUpdate] = []
        sequence.statistics.guessedTokens += guesses.count
        for (i, row) in range.enumerated() {
            let isRight = { (update: GenerationUpdate) in
                i < guesses.count && update.token == guesses[i]
            }
            let update = sequence.advance(rows[row])
            if isRight(update) { sequence.statistics.rightTokens += 1 }
            updates.append(update)
            if sequence.finish != nil || !isRight(update) { break }
        }
        // Of the guesses, the cache keeps those that were said; the newest token it has yet to see.
        forget(slot, from: seen + updates.count - 1)
        running[slot] = sequence.finish == nil ? sequence : nil
        return updates
    }

    /// Has tokens guessed for the requests that answer.
    private func guess() {
        guard let speculation, speculation.isOn else { return }
        var asked: [(slot: Int, tokens: [Int], most: Int)] = []
        for slot in running.indices {
            guard let sequence = running[slot], sequence.pending.count == 1,
                sequence.statistics.newTokens > 0
            else { continue }
            let room = min(sequence.room, context - cached[slot].count) - 1
            if room > 0 { asked.append((slot, cached[slot] + sequence.pending, room)) }
        }
        for (slot, guesses) in speculation.guesses(asked) { running[slot]?.guesses = guesses }
    }
}

extension TokenBatch.Run {
    /// The rows of logits that it has computed.
    var wantedCount: Int {
        switch wanted {
        case .none: 0
        case .last: 1
        case .all: tokens.count
        }
    }
}

/// The rows of logits (rows, V) on the host.
struct LogitRows {
    private let all: [Float]
    private let width: Int

    init(_ logits: Tensor) {
        all = logits.scalars()
        width = logits.shape[1]
    }

    subscript(row: Int) -> [Float] { Array(all[row * width..<(row + 1) * width]) }
}
