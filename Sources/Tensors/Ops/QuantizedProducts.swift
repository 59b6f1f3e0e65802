// Products of one x with several stored weights, as the maps of a transformer's layer have them. x is rounded once, and what
// follows a product is done while it is in the cache.

extension Tensor {
    /// x w^T + bias for each weight: x (…, k), w (n, k) to (…, n).
    public func matmul(transposed weights: [QuantizedTensor], biases: [Tensor?]) -> [Tensor] {
        require(weights.count == biases.count, "matmul: a bias or nil for every weight")
        guard let call = products(weights, biases) else {
            return zip(weights, biases).map { matmul(transposed: $0, bias: $1) }
        }
        return run(call)
    }

    /// x w^T + bias + residual: x (…, k), residual (…, n).
    public func matmul(transposed w: QuantizedTensor, bias: Tensor?, adding residual: Tensor)
        -> Tensor
    {
        require(
            residual.shape == shape.dropLast() + [w.rows],
            "matmul: a residual of \(residual.shape) for (…, \(w.rows)) of \(shape)")
        guard residual.dtype == .f32, !(Recording.isOn && residual.isTracked),
            var call = products([w], [bias])
        else { return matmul(transposed: w, bias: bias) + residual }
        call.residual = residual.detached.contiguous().flatRows
        return run(call)[0]
    }

    /// gate(x u^T + bias) · (x v^T + bias), as in a gated MLP.
    public func gatedMatmul(
        _ gate: Activation, transposed u: QuantizedTensor, _ v: QuantizedTensor,
        biases: [Tensor?] = [nil, nil]
    ) -> Tensor {
        require(
            u.rows == v.rows && biases.count == 2,
            "gatedMatmul: weights of \(u.rows) and \(v.rows) rows")
        guard u.isPlain == v.isPlain, gate != .none, var call = products([u, v], biases) else {
            return matmul(transposed: u, bias: biases[0]).activated(gate)
                * matmul(transposed: v, bias: biases[1])
        }
        call.gate = gate
        return run(call)[0]
    }

    /// The call, if the weights are in blocks and nobody will ask for a gradient.
    private func products(_ weights: [QuantizedTensor], _ biases: [Tensor?]) -> QuantizedProducts? {
        let isTracked = Recording.isOn && (isTracked || biases.contains { $0?.isTracked == true })
        guard dtype == .f32, !isTracked, count > 0, weights.count <= 8,
            weights.allSatisfy({ $0.isInBlocks && $0.rows > 0 })
        else { return nil }
        for w in weights {
            require(
                rank >= 1 && shape[rank - 1] == w.columns,
                "matmul: \(shape) does not fit a quantised weight of (\(w.rows), \(w.columns))")
            _ = sharedBackend(self, w.parts[0], "matmul")
        }
        return QuantizedProducts(
            x: detached.contiguous().flatRows, weights: weights,
            biases: biases.map { $0?.detached.contiguous() })
    }

    private func run(_ call: QuantizedProducts) -> [Tensor] {
        let count = call.gate == .none ? call.weights.count : 1
        let results = call.weights.prefix(count).map { result([call.x.shape[0], $0.rows], .f32) }
        backend.products(call, into: results)
        return rank == 2 ? results : results.map { $0.unflattened(like: self) }
    }
}

extension QuantizedTensor {
    fileprivate var isInBlocks: Bool {
        if case .blocks = quantization { true } else { false }
    }

    /// Whether its numbers are floats as they are.
    public var isPlain: Bool {
        if case .blocks(let format) = quantization { format.plainType != nil } else { false }
    }
}
