import Synchronization
public import Tensors

extension Context {
    /// Layers whose activations are not kept: the backward pass runs them again, with the same random numbers.
    ///
    ///     for block in blocks { x = context.checkpoint(x) { block($0, $1) } }
    public func checkpoint(
        _ x: Tensor, _ layers: @escaping @Sendable (Tensor, Context) -> Tensor
    ) -> Tensor {
        let first = FirstRun()
        return Tensors.checkpoint([x]) { inputs in
            var context = self
            if !first.isNow() { context.updatesStatistics = false }
            return layers(inputs[0], context)
        }
    }
}

/// Says true once.
private final class FirstRun: Sendable {
    private let done = Atomic(false)
    func isNow() -> Bool { !done.exchange(true, ordering: .relaxed) }
}
