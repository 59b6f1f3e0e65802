import Dispatch
import Synchronization

/// Values of a row of steps, made by a thread in the background while the one before is used.
///
///     let batches = Prefetch(ahead: 2) { step in try read(step) }
///     for step in 0..<steps { try train(batches.value(step)) }
///
/// At most `ahead` values are waiting. What makes them must follow from the step alone and touch no tensors.
public final class Prefetch<Value: Sendable>: Sendable {
    /// A value to come.
    private final class Slot: Sendable {
        let isReady = DispatchSemaphore(value: 0)
        let result = Mutex<Result<Value, any Error>?>(nil)
        let isWanted = Atomic(true)
    }

    private let ahead: Int
    private let make: @Sendable (Int) throws -> Value
    private let thread = DispatchQueue(label: "apus.prefetch")
    private let slots = Mutex<[Int: Slot]>([:])

    public init(ahead: Int = 2, make: @escaping @Sendable (Int) throws -> Value) {
        (self.ahead, self.make) = (max(1, ahead), make)
    }

    deinit { slots.withLock { $0.values.forEach { $0.isWanted.store(false, ordering: .relaxed) } } }

    /// The value of a step; steps are asked for in rising order, but any may come first. Waits until it is there.
    public func value(_ step: Int) throws -> Value {
        let slot = slots.withLock { slots in
            let window = step...step + ahead
            for (other, slot) in slots where !window.contains(other) {
                slot.isWanted.store(false, ordering: .relaxed)
                slots[other] = nil
            }
            for next in window where slots[next] == nil {
                let slot = Slot()
                slots[next] = slot
                begin(next, slot)
            }
            return slots.removeValue(forKey: step) ?? Slot()
        }
        slot.isReady.wait()
        guard let result = slot.result.withLock({ $0 }) else { return try make(step) }
        return try result.get()
    }

    private func begin(_ step: Int, _ slot: Slot) {
        thread.async { [make] in
            if slot.isWanted.load(ordering: .relaxed) {
                let result = Result { try make(step) }
                slot.result.withLock { $0 = result }
            }
            slot.isReady.signal()
        }
    }
}
