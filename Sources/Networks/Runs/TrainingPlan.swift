/// What every run has, whatever is trained: its length, its batches, and how often it looks up.
public struct TrainingPlan: Sendable, Codable, Equatable {
    public var steps: Int
    /// Examples in a batch.
    public var batch: Int
    /// Batches whose gradients make one step.
    public var accumulate: Int
    public var precision: Precision
    public var seed: UInt64
    /// Steps between evaluations, samples and checkpoints; 0: only at the end.
    public var evaluateEvery: Int
    public var sampleEvery: Int
    public var saveEvery: Int
    /// Checkpoints that stay besides the best one.
    public var keep: Int

    public init(
        steps: Int, batch: Int, accumulate: Int = 1, precision: Precision = .f32, seed: UInt64 = 1,
        evaluateEvery: Int? = nil, sampleEvery: Int? = nil, saveEvery: Int? = nil, keep: Int = 2
    ) {
        (self.steps, self.batch, self.accumulate) = (steps, batch, accumulate)
        (self.precision, self.seed, self.keep) = (precision, seed, keep)
        let tenth = max(1, steps / 10)
        self.evaluateEvery = evaluateEvery ?? tenth
        self.sampleEvery = sampleEvery ?? tenth
        self.saveEvery = saveEvery ?? tenth
    }

    /// Why it cannot be followed, if it cannot.
    public var problem: String? {
        let atLeast: [(String, Int, Int)] = [
            ("steps", steps, 1), ("batch", batch, 1), ("accumulate", accumulate, 1),
            ("evaluateEvery", evaluateEvery, 0), ("sampleEvery", sampleEvery, 0),
            ("saveEvery", saveEvery, 0), ("keep", keep, 1),
        ]
        for (name, value, least) in atLeast where value < least || value > 1 << 40 {
            return "\(name) is \(value), but must be at least \(least)"
        }
        return nil
    }

    /// Whether something with this interval is due after `done` steps.
    func isDue(_ interval: Int, after done: Int) -> Bool {
        done == steps || (interval > 0 && done % interval == 0)
    }
}
