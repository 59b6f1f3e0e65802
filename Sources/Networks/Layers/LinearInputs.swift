public import Tensors

/// Shows what linear maps are given while a body runs: for statistics of a network's activations.
public enum LinearInputs {
    @TaskLocal static var watcher: (@Sendable (_ weight: Parameter, _ x: Tensor) -> Void)?

    /// Runs the body; every linear map in it first shows its weight and x (…, inputs).
    public static func watched<Result>(
        by watcher: @escaping @Sendable (_ weight: Parameter, _ x: Tensor) -> Void,
        _ body: () throws -> Result
    ) rethrows -> Result {
        try $watcher.withValue(watcher) { try body() }
    }
}
