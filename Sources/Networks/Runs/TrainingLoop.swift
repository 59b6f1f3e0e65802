import Files
public import Tensors

/// Trains, and leaves a folder from which the same run goes on, is sampled, and can be looked at.
///
///     let loop = TrainingLoop(plan, trainee, in: RunFolder("run"), on: .best)
///     let outcome = try loop.run(resuming: false)
public struct TrainingLoop {
    public enum Outcome: Sendable, Equatable {
        case finished
        /// Ctrl-C: after so many steps, which are saved.
        case interrupted(Int)
    }

    private let plan: TrainingPlan
    private let trainee: any Trainee
    private let folder: RunFolder
    private let device: Device
    private let title: String

    /// - Parameter title: what is trained, for the report.
    public init(
        _ plan: TrainingPlan, _ trainee: any Trainee, in folder: RunFolder, on device: Device,
        title: String = ""
    ) {
        (self.plan, self.trainee, self.folder) = (plan, trainee, folder)
        (self.device, self.title) = (device, title)
    }

    public func run(resuming: Bool) throws -> Outcome {
        try folder.create()
        folder.prune(keep: Int.max)
        var warnings: [String] = []
        let newest = resuming ? try folder.newestState { warnings.append($0) } : nil
        if let newest { try trainee.restore(from: newest.state) }
        var progress = Progress(plan, trainee, folder, device, from: newest)
        warnings.forEach { progress.note("apus: \($0)") }
        let log = try RunLog(folder, after: progress.done)
        Interruption.listen()
        defer {
            Interruption.ignore()
            progress.finish()
        }
        while progress.done < plan.steps {
            try step(&progress, log)
            if Interruption.isWanted && progress.done < plan.steps {
                try save(&progress)
                try report()
                return .interrupted(progress.done)
            }
        }
        try report()
        return .finished
    }

    private func step(_ progress: inout Progress, _ log: RunLog) throws {
        let start = ContinuousClock.now
        let figures = try trainee.step(progress.done)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if let bad = figures.firstNotFinite {
            throw divergence(after: progress.done, "the \(bad.name)", state(progress))
        }
        progress.count(figures, seconds)
        try log.step(progress, figures, seconds)
        let done = progress.done
        if plan.isDue(plan.evaluateEvery, after: done) { try evaluate(&progress, log) }
        if plan.isDue(plan.sampleEvery, after: done) { try sample(done, log) }
        if plan.isDue(plan.saveEvery, after: done) { try save(&progress) }
        if plan.isDue(plan.sampleEvery, after: done) { try report() }
    }

    private func evaluate(_ progress: inout Progress, _ log: RunLog) throws {
        let figures = try noGrad { try trainee.evaluate() }
        guard let first = figures.entries.first else { return }
        try log.evaluation(progress.done, figures)
        progress.note("step \(progress.done): \(figures.text)")
        if first.value.isFinite && first.value < progress.best {
            progress.best = first.value
            try state(progress).write(to: folder.best)
        }
    }

    private func sample(_ done: Int, _ log: RunLog) throws {
        let request = SampleRequest(seed: plan.seed, readsData: true)
        let samples = try noGrad { try trainee.samples(request) }
        _ = try write(samples, to: { folder.sample(done, $0) })
        try log.samples(done, samples)
    }

    private func save(_ progress: inout Progress) throws {
        let state = state(progress)
        // A loss may be finite once more when the weights no longer are.
        if let bad = state.firstNotFinite { throw divergence(after: progress.done, bad, state) }
        try state.write(to: folder.checkpoint(progress.done))
        folder.prune(keep: plan.keep)
    }

    /// All that a resumed run needs.
    private func state(_ progress: Progress) -> TrainingState {
        var state = TrainingState(origin: folder.path)
        trainee.save(to: &state)
        state.add("run.step", "\(progress.done)")
        state.add("run.best", "\(progress.best)")
        state.add("run.seconds", "\(progress.seconds)")
        return state
    }

    private func report() throws { try RunReport(folder, title: title).write() }

    /// Where it went wrong, and what to do.
    private func divergence(after done: Int, _ what: String, _ state: TrainingState)
        -> TrainingError
    {
        let saved = folder.savedSteps().last
        return .notFinite(
            step: done, what: what, tensor: state.firstNotFinite,
            saved: saved.map { folder.checkpoint($0) })
    }
}

/// What ends a run.
public enum TrainingError: Error, CustomStringConvertible, Equatable {
    /// A figure or tensor of step `step` is NaN or infinite; `tensor` is the first parameter or state that is.
    case notFinite(step: Int, what: String, tensor: String?, saved: String?)

    public var description: String {
        switch self {
        case .notFinite(let step, let what, let tensor, let saved):
            let place = tensor.map { "\($0) is the first" } ?? "all parameters are finite"
            let rest = saved.map { "; \($0) is untouched, --resume starts there" } ?? ""
            return "step \(step): \(what) is not finite (\(place)): try a lower learning "
                + "rate, a longer warm-up or gradient clipping\(rest)"
        }
    }
}
