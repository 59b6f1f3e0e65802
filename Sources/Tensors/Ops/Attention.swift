// Attention and positions. q (B, Hq, T, D), k (B, Hk, S, D), v (B, Hk, S, Dv).

/// Which keys a query may see by their order.
public enum Causality: Sendable {
    case none
    /// Key j is visible to query i if j <= i.
    case topLeft
    /// The last query sees all keys: j <= i + S - T, as in decoding with a cache.
    case bottomRight
}

extension Tensor {
    /// softmax(q k^T scale + mask) v for q = self, by head; a key head serves Hq / Hk query heads.
    ///
    /// - Parameters:
    ///   - mask: broadcasts to (B, Hq, T, S); bool keeps where true, a float is added.
    ///   - scale: 1 / sqrt(D) unless given.
    ///   - window: only this many keys back are visible.
    ///   - softcap: scores become softcap · tanh(scores / softcap) before the mask.
    public func attention(
        _ k: Tensor, _ v: Tensor, mask: Tensor? = nil, scale: Float? = nil,
        causal: Causality = .none,
        window: Int? = nil, softcap: Float? = nil
    ) -> Tensor {
        let call = attentionCall(k, v, mask, scale, causal, window, softcap)
        let o = result([shape[0], shape[1], shape[2], v.shape[3]])
        let logSumExp = result([shape[0], shape[1], shape[2]], .f32)
        if o.count > 0 { backend.attention(call, into: o, logSumExp: logSumExp) }
        return o.fused(from: [self, k, v] + (mask.map { [$0] } ?? [])) { x in
            attentionDefinition(call, x[0], x[1], x[2], x.count > 3 ? x[3] : nil)
        } gradient: { [q = self] g in
            let wantsMask = mask?.isTracked == true
            let full = [q.shape[0], q.shape[1], q.shape[2], k.shape[2]]
            let into = AttentionGradients(
                q: q.result(), k: k.result(), v: v.result(),
                mask: wantsMask ? q.result(full, .f32) : nil)
            if o.count > 0 {
                q.backend.attentionGradient(call, o: o, logSumExp: logSumExp, g: g, into: into)
            }
            return [into.q, into.k, into.v]
                + (mask.map { m in [into.mask.map { $0.summed(to: m.shape).cast(to: m.dtype) }] }
                    ?? [])
        }
    }

    /// Attention of tokens on themselves from a packed map: self (B, T, (H + 2 K) D) holds the H query heads, then K
    /// key heads, then K value heads of each token. The result is (B, T, H D).
    public func packedAttention(
        heads: Int, keyHeads: Int, scale: Float? = nil, causal: Causality = .none
    ) -> Tensor {
        let all = heads + 2 * keyHeads
        require(
            rank == 3 && heads > 0 && keyHeads > 0 && shape[2] % all == 0,
            "packedAttention: \(shape) in \(heads) heads and \(keyHeads) key heads")
        let split = [shape[0], shape[1], all, shape[2] / all]
        /// (B, heads, T, D) views of q, k and v.
        @Sendable func parts(_ x: Tensor) -> [Tensor] {
            x.reshaped(split).split([heads, keyHeads, keyHeads], axis: 2)
                .map { $0.transposed(1, 2) }
        }
        let inputs = parts(detached)
        let call = inputs[0].attentionCall(inputs[1], inputs[2], nil, scale, causal, nil, nil)
        let o = result([split[0], heads, split[1], split[3]])
        let logSumExp = result([split[0], heads, split[1]], .f32)
        if o.count > 0 { backend.attention(call, into: o, logSumExp: logSumExp) }
        let flat = [split[0], split[1], heads * split[3]]
        return o.transposed(1, 2).reshaped(flat).fused(from: [self]) { x in
            let p = parts(x[0])
            return attentionDefinition(call, p[0], p[1], p[2], nil).transposed(1, 2)
                .reshaped(flat)
        } gradient: { g in
            let into = AttentionGradients(
                q: call.q.result(), k: call.k.result(), v: call.v.result(), mask: nil)
            let g = g.reshaped([split[0], split[1], heads, split[3]]).transposed(1, 2)
            if o.count > 0 {
                o.backend.attentionGradient(call, o: o, logSumExp: logSumExp, g: g, into: into)
            }
            let joined = Tensor.concatenated(
                [into.q, into.k, into.v].map { $0.transposed(1, 2) }, axis: 2)
            return [joined.reshaped([split[0], split[1], all * split[3]])]
        }
    }

    private func attentionCall(
        _ k: Tensor, _ v: Tensor, _ mask: Tensor?, _ scale: Float?, _ causal: Causality,
        _ window: Int?, _ softcap: Float?
    ) -> Attention {
        require(
            rank == 4 && k.rank == 4 && v.rank == 4 && k.shape[0] == shape[0]
                && v.shape[0] == shape[0]
                && k.shape[1] == v.shape[1] && k.shape[2] == v.shape[2] && k.shape[3] == shape[3]
                && k.shape[1] > 0 && shape[1] % k.shape[1] == 0,
            "attention: the shapes \(shape), \(k.shape), \(v.shape) do not fit")
        require(
            dtype == k.dtype && dtype == v.dtype,
            "attention: operands of type \(dtype), \(k.dtype), \(v.dtype)")
        require(window.map { $0 > 0 } ?? true, "attention: a window of \(window ?? 0)")
        _ = (sharedBackend(self, k, "attention"), sharedBackend(self, v, "attention"))
        var offset = k.shape[2] - shape[2]
        var isCausal = true
        switch causal {
        case .none: isCausal = false
        case .topLeft: offset = 0
        case .bottomRight: break
        }
        let full = [shape[0], shape[1], shape[2], k.shape[2]]
        return Attention(
            q: detached, k: k.detached, v: v.detached, mask: mask?.detached.expanded(to: full),
            scale: scale ?? 1 / Float(shape[3]).squareRoot(), softcap: softcap ?? 0,
            isCausal: isCausal,
            causalOffset: offset, window: window ?? 0)
    }
}

/// Attention in basic ops: the oracle and the gradient of the gradient.
package func attentionDefinition(
    _ call: Attention, _ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?
) -> Tensor {
    let group = q.shape[1] / k.shape[1]
    let (keys, values) = (
        k.repeatedInterleaved(group, axis: 1), v.repeatedInterleaved(group, axis: 1)
    )
    var scores = q.matmul(keys.transposed()) * call.scale
    if call.softcap > 0 { scores = tanh(scores / call.softcap) * call.softcap }
    if let mask {
        scores = mask.dtype == .bool ? scores.masked(.!mask, with: -.infinity) : scores + mask
    }
    // column - row - offset: 0 on the diagonal that a causal query still sees.
    let rows = Tensor.arange(q.shape[2], start: Double(call.causalOffset), on: q.device)
        .expandingAxis(1)
    let distance = Tensor.arange(k.shape[2], on: q.device) - rows
    if call.isCausal { scores = scores.masked(distance.greater(0), with: -.infinity) }
    if call.window > 0 {
        scores = scores.masked(distance.lessEqual(Float(-call.window)), with: -.infinity)
    }
    return scores.softmax().matmul(values)
}

/// How rotary positions stretch beyond the trained length.
public enum RopeScaling: Sendable {
    case none
    case linear(factor: Float)
    case llama3(factor: Float, lowFrequency: Float, highFrequency: Float, originalLength: Float)
}

extension Rope {
    /// How far each position turns each pair of channels: positions (B or 1, T) numbers, frequencies (dims / 2) or
    /// (T, dims / 2). Both the cosines and the sines are multiplied by `scale`.
    package init(
        _ positions: Tensor, _ frequencies: Tensor, scale: Float = 1, isInterleaved: Bool
    ) {
        let angles = positions.detached.cast(to: .f32).expandingAxis(2) * frequencies
        let (c, s) = (Tensors.cos(angles), Tensors.sin(angles))  // (B or 1, T, dims / 2)
        self.init(
            cos: scale == 1 ? c : c * scale, sin: scale == 1 ? s : s * scale,
            dims: 2 * frequencies.shape[frequencies.rank - 1], isInterleaved: isInterleaved)
    }
}

extension Tensor {
    /// Rotary positions: x (B, H, T, D), positions (T) or (B, T) numbers.
    ///
    /// - Parameters:
    ///   - dims: the first `dims` channels rotate; all of them unless given.
    ///   - isInterleaved: pairs are (2i, 2i + 1) instead of (i, i + dims / 2).
    public func rope(
        positions: Tensor, base: Float = 10000, isInterleaved: Bool = false, dims: Int? = nil,
        scaling: RopeScaling = .none
    ) -> Tensor {
        require(rank == 4, "rope: a tensor of shape \(shape), not (B, H, T, D)")
        let dims = dims ?? shape[3]
        require(
            dims >= 0 && dims <= shape[3] && dims % 2 == 0 && positions.shape.last == shape[2]
                && (positions.rank == 1 || positions.rank == 2 && positions.shape[0] == shape[0]),
            "rope: \(dims) of \(shape) with positions of shape \(positions.shape)")
        let frequencies = Tensor(ropeFrequencies(dims, base, scaling), on: device)
        let times = positions.reshaped([positions.count / shape[2], shape[2]])
        return rotated(Rope(times, frequencies, isInterleaved: isInterleaved))
    }

    /// x (B, H, T, D) turned by angles that were computed before. A rotation is linear, and its transpose rotates back.
    package func rotated(_ r: Rope, inverse: Bool = false) -> Tensor {
        let y = result()
        backend.rope(r, detached, inverse: inverse, into: y)
        return y.recorded(from: [self]) { [$0.rotated(r, inverse: !inverse)] }
    }

    /// [n] -> [n, dim]: cos(t f_i)…, sin(t f_i)…, with f_i = maxPeriod^(-i / (dim / 2)).
    public func sinusoidalEmbedding(_ dim: Int, maxPeriod: Double = 10000) -> Tensor {
        require(
            rank == 1 && dim > 0 && dim % 2 == 0, "sinusoidalEmbedding: \(shape) to \(dim) channels"
        )
        let half = dim / 2
        let frequencies = (0..<half).map { Float(power(maxPeriod, -Double($0) / Double(half))) }
        let angles = cast(to: .f32).expandingAxis(1) * Tensor(frequencies, on: device)
        return Tensor.concatenated([cos(angles), sin(angles)], axis: 1)
    }
}
