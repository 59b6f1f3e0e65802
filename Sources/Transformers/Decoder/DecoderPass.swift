import Tensors

/// The tokens of one pass through a decoder: where they stand in their sequences, and what each may see.
struct DecoderPass {
    /// (B, T) i32, or (1, N) of all runs side by side.
    let tokens: Tensor
    /// (1, T) or (1, N) i32
    let positions: Tensor
    let runs: [Run]
    /// By layer, what turns queries and keys.
    private let rotations: [Rope?]
    private let cache: DecoderCache?

    typealias Run = KeyValueRun

    /// Whole sequences (B, T).
    init(_ tokens: Tensor, _ c: DecoderConfiguration) {
        let length = tokens.shape[1]
        self.tokens = tokens
        positions = Tensor.arange(length, dtype: .i32, on: tokens.device).reshaped([1, length])
        (runs, cache) = ([], nil)
        rotations = DecoderPass.rotations(c, positions) { rope in
            Tensor(rope.frequencies(length: length), on: tokens.device)
        }
    }

    /// Runs that go on where the cache has their sequences end.
    init(
        _ batch: TokenBatch, _ cache: DecoderCache, _ c: DecoderConfiguration, on device: Device
    ) {
        var row = 0
        let runs = batch.runs.map { run in
            defer { row += run.tokens.count }
            return Run(
                row: row, count: run.tokens.count, slot: run.slot,
                position: cache.length(run.slot))
        }
        require(
            Set(runs.map(\.slot)).count == runs.count
                && runs.allSatisfy { $0.end <= cache.capacity },
            "Decoder: runs of one slot, or of more than \(cache.capacity) tokens")
        let ids = batch.runs.flatMap { $0.tokens.map { Int32($0) } }
        let places = runs.flatMap { ($0.position..<$0.end).map { Int32($0) } }
        tokens = Tensor(ids, shape: [1, row], on: device)
        positions = Tensor(places, shape: [1, row], on: device)
        (self.runs, self.cache) = (runs, cache)
        rotations = DecoderPass.rotations(c, positions) { rope in
            guard rope.followsLength else {
                return Tensor(rope.frequencies(length: cache.capacity), on: device)
            }
            let rows = runs.flatMap { run in
                Array(repeating: rope.frequencies(length: run.end), count: run.count)
            }
            return Tensor(Array(rows.joined()), shape: [row, rope.dims / 2], on: device)
        }
    }

    /// One for each kind of rope, shared by its layers.
    private static func rotations(
        _ c: DecoderConfiguration, _ positions: Tensor, _ frequencies: (RotaryPositions) -> Tensor
    ) -> [Rope?] {
        guard case .rotary = c.positions else { return [] }
        var known: [RotaryPositions: Rope] = [:]
        return (0..<c.layers).map { layer in
            guard let rope = c.rotary(layer) else { return nil }
            if let found = known[rope] { return found }
            let made = Rope(
                positions, frequencies(rope), scale: rope.scale,
                isInterleaved: rope.isInterleaved)
            known[rope] = made
            return made
        }
    }

    /// softmax(q k^T) v of each token over what it may see: q (B, T, H, D), k and v (B, T, K, D), not yet turned, to
    /// (B, T, H, D).
    func attend(_ q: Tensor, _ k: Tensor, _ v: Tensor, _ style: DecoderAttention.Style) -> Tensor {
        let rotation = rotations.isEmpty ? nil : rotations[style.layer]
        if let cache {
            func rows(_ x: Tensor) -> Tensor { x.reshaped([x.shape[1], x.shape[2] * x.shape[3]]) }
            let o = cache.attend(rows(q), rows(k), rows(v), runs, rotation, style)
            return o.reshaped([1, q.shape[1], q.shape[2], v.shape[3]])
        }
        func turned(_ x: Tensor) -> Tensor {
            let x = x.transposed(1, 2)
            return rotation.map { x.rotated($0) } ?? x
        }
        return turned(q).attention(
            turned(k), v.transposed(1, 2), scale: style.scale, causal: .topLeft,
            window: style.window, softcap: style.softcap
        ).transposed(1, 2)
    }
}
