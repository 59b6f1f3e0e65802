import Tensors

extension Gradients {
    /// The norm of all gradients as one vector; p may be infinite. A number that is not finite shows in it. Waits for the device.
    public func norm(_ p: Float = 2) -> Float {
        let parts = entries.map { entry in
            switch p {
            case .infinity: entry.gradient.norm(.infinity)
            case 2: entry.gradient.norm().squared()
            default: entry.gradient.norm(p).raised(to: p)
            }
        }
        guard !parts.isEmpty else { return 0 }
        let all = Tensor.stacked(parts)
        switch p {
        case .infinity: return all.max().item()
        case 2: return sqrt(all.sum()).item()
        default: return all.sum().raised(to: 1 / p).item()
        }
    }

    /// Scales all gradients so that their norm is at most `limit`. Returns the norm before.
    @discardableResult
    public mutating func clip(norm limit: Float, _ p: Float = 2) -> Float {
        let total = norm(p)
        let factor = limit / (total + 1e-6)
        if factor < 1 { update { $0 = $0 * factor } }
        return total
    }

    /// Limits every element to ± limit.
    public mutating func clip(value limit: Float) {
        update { $0 = $0.clamped(min: -limit, max: limit) }
    }

    /// Adds `weight` times the gradients of another batch, in place.
    public mutating func add(_ other: Gradients, weight: Float = 1) {
        require(
            entries.count == other.entries.count,
            "Gradients: \(entries.count) and \(other.entries.count) do not add")
        var rest = other.entries[...]
        update { mine in
            if let next = rest.popFirst() { mine.add(next.gradient, times: Double(weight)) }
        }
    }

    /// All gradients times a number.
    public mutating func scale(_ factor: Float) {
        if factor != 1 { update { $0 = $0 * factor } }
    }
}
