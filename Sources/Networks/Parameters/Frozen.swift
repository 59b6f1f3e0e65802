extension Sequence where Element == Parameter {
    /// Runs the body with these parameters frozen: gradients pass through their layers, but none are computed for them.
    public func frozen<R>(_ body: () throws -> R) rethrows -> R {
        let trainable = filter(\.isTrainable)
        trainable.forEach { $0.isTrainable = false }
        defer { trainable.forEach { $0.isTrainable = true } }
        return try body()
    }

    /// Freezes them for good.
    public func freeze() { forEach { $0.isTrainable = false } }
}

extension ParameterStore {
    /// Runs the body with all parameters frozen.
    public func frozen<R>(_ body: () throws -> R) rethrows -> R { try all.frozen(body) }
}
