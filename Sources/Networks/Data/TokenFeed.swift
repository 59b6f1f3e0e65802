public import Tensors

/// A long text as tokens: windows to learn from, drawn at random, and the windows of its last part to be measured on.
public struct TokenFeed: Sendable {
    private let training, test: [Int32]
    private let plan: TrainingPlan
    /// Tokens that a model sees at once.
    public let length: Int
    private let device: Device

    /// - Parameter tokens: enough for a window in the last tenth.
    public init?(_ tokens: [Int32], length: Int, _ plan: TrainingPlan, on device: Device) {
        let border = tokens.count * 9 / 10
        guard border > length, tokens.count - border > length else { return nil }
        training = Array(tokens[..<border])
        test = Array(tokens[border...])
        (self.plan, self.length, self.device) = (plan, length, device)
    }

    /// What a step works through.
    public var work: (amount: Int, unit: String) {
        (plan.batch * plan.accumulate * length, "tokens")
    }

    /// A step's batches, each (batch, length + 1) i32.
    public func batches(_ step: Int) -> [Tensor] {
        var dice = Dice(seed: plan.seed, stream: UInt64(step))
        return (0..<plan.accumulate).map { _ in
            windows(
                of: training,
                at: (0..<plan.batch).map { _ in dice.whole(below: training.count - length) })
        }
    }

    /// The windows of the last part, side by side, in batches of `size`; at most `limit` windows, spread evenly.
    public func testBatches(_ size: Int = 32, limit: Int = .max) -> [Tensor] {
        let count = (test.count - 1) / length
        let chosen = min(count, limit)
        let starts = (0..<chosen).map { $0 * count / chosen * length }
        return stride(from: 0, to: chosen, by: size).map {
            windows(of: test, at: Array(starts[$0..<min($0 + size, chosen)]))
        }
    }

    private func windows(of tokens: [Int32], at starts: [Int]) -> Tensor {
        let values = starts.flatMap { tokens[$0...$0 + length] }
        return Tensor(values, shape: [starts.count, length + 1], on: device)
    }
}
