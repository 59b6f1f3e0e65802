import Synchronization

/// Which examples make the batch of a step: every epoch goes through all of them once, in an order of its own.
///
/// The order follows from the seed and the step alone, so a run that goes on at step 1000 sees what it would have seen.
public final class BatchOrder: Sendable {
    public let count: Int
    public let batch: Int
    private let seed: UInt64
    /// The order of the epoch that was last asked for.
    private let shuffled = Mutex<(epoch: Int, order: [Int32])>((-1, []))

    /// - Parameters:
    ///   - count: examples; at least one.
    ///   - batch: examples of a step. The last ones of an epoch are joined by the first ones of the next.
    public init(count: Int, batch: Int, seed: UInt64) {
        (self.count, self.batch, self.seed) = (max(1, count), batch, seed)
    }

    /// The examples of step 0, 1, ….
    public func indices(_ step: Int) -> [Int32] {
        (0..<batch).map { i in
            let place = step * batch + i
            return order(place / count)[place % count]
        }
    }

    private func order(_ epoch: Int) -> [Int32] {
        shuffled.withLock { last in
            if last.epoch != epoch {
                var dice = Dice(seed: seed, stream: UInt64(epoch))
                last = (epoch, (0..<Int32(count)).shuffled(using: &dice))
            }
            return last.order
        }
    }
}
