public import Tensors

// Maps of one x that are computed together, where their weights are stored in blocks: x is then rounded once, and what
// follows a map is done while its result is in the cache.

extension Linear {
    /// What each map makes of x (…, inputs).
    public static func joint(_ maps: [Linear], _ x: Tensor) -> [Tensor] {
        let stored = maps.compactMap { $0.stored(for: x) }
        guard stored.count == maps.count else { return maps.map { $0(x) } }
        for map in maps { map.show(x) }
        return x.matmul(transposed: stored, biases: maps.map { $0.bias?.value })
    }

    /// activation(gate(x)) · up(x).
    public static func gated(
        _ gate: Linear, _ up: Linear, _ x: Tensor, activation: Activation
    ) -> Tensor {
        guard let u = gate.stored(for: x), let v = up.stored(for: x) else {
            return gate(x, activation: activation) * up(x)
        }
        gate.show(x)
        up.show(x)
        return x.gatedMatmul(
            activation, transposed: u, v, biases: [gate.bias?.value, up.bias?.value])
    }

    /// The map of x, added to a residual (…, outputs).
    public func callAsFunction(_ x: Tensor, adding residual: Tensor) -> Tensor {
        guard let w = stored(for: x) else { return residual + self(x) }
        show(x)
        return x.matmul(transposed: w, bias: bias?.value, adding: residual)
    }

    /// The weight, if it is all that the map has and stored in few bits.
    private func stored(for x: Tensor) -> QuantizedTensor? {
        guard adapter == nil, case .quantized(let w) = weight.weight(as: x.dtype) else {
            return nil
        }
        return w
    }
}
