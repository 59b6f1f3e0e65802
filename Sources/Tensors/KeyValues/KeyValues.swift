/// The keys and values that one layer of a transformer keeps of sequences, one slot a sequence, in the order that their
/// device reads fastest.
///
///     cache.write(k, v, runs, rotation: rope)               // k (N, K D), v (N, K Dv): the rows of all runs
///     let o = cache.attention(q, runs, rotation: rope, …)   // q (N, H D) to (N, H Dv)
///
/// The bits of a row of the result do not depend on the other rows.
package struct KeyValues: Sendable {
    package let shape: KeyValueShape
    private var parts: [Tensor]

    package init(_ shape: KeyValueShape, on device: Device) {
        require(
            shape.slots > 0 && shape.heads > 0 && shape.capacity > 0 && shape.keySize > 0
                && shape.valueSize > 0, "KeyValues: \(shape)")
        self.shape = shape
        parts = device.backend.makeKeyValues(shape)
    }

    package var byteCount: Int { parts.map { $0.count * $0.dtype.size }.reduce(0, +) }

    private var backend: any Backend { parts[0].backend }

    /// Puts the keys and values of runs in their places: k (N, K D), v (N, K Dv) f32. `rotation`, for N positions, turns
    /// the keys.
    package mutating func write(
        _ k: Tensor, _ v: Tensor, _ runs: [KeyValueRun], rotation: Rope? = nil
    ) {
        let rows = KeyValueRows(
            k: checked(k, shape.heads * shape.keySize),
            v: checked(v, shape.heads * shape.valueSize), runs: runs, rotation: rotation)
        check(runs, rows: rows.k.shape[0], rotation)
        makeUnique()
        if rows.k.shape[0] > 0 { backend.writeKeyValues(rows, shape, into: parts) }
    }

    /// Keys and values of a slot's tokens: (T, K D) and (T, K Dv), f32.
    package func read(_ slot: Int, _ tokens: Range<Int>) -> (k: Tensor, v: Tensor) {
        let run = KeyValueRun(row: 0, count: tokens.count, slot: slot, position: tokens.lowerBound)
        check([run], rows: tokens.count, nil)
        let k = parts[0].result([tokens.count, shape.heads * shape.keySize], .f32)
        let v = parts[0].result([tokens.count, shape.heads * shape.valueSize], .f32)
        if tokens.count > 0 { backend.readKeyValues(parts, shape, run, k: k, v: v) }
        return (k, v)
    }

    /// Makes the first tokens of `target` those of `source`.
    package mutating func copy(_ source: Int, to target: Int, count: Int) {
        guard source != target, count > 0 else { return }
        makeUnique()
        backend.copyKeyValues(parts, shape, from: source, to: target, count: count)
    }

    /// softmax(q k^T scale) v of every row of the runs over its slot's keys up to its own: q (N, H D) f32, turned by
    /// `rotation`, to (N, H Dv). Query head h uses key head h / (H / K).
    package func attention(
        _ q: Tensor, _ runs: [KeyValueRun], rotation: Rope? = nil, scale: Float, window: Int?,
        softcap: Float?
    ) -> Tensor {
        let heads = q.shape[1] / shape.keySize
        require(
            heads % shape.heads == 0 && heads > 0,
            "attention: \(q.shape) with \(shape.heads) key heads of \(shape.keySize)")
        let q = checked(q, heads * shape.keySize)
        check(runs, rows: q.shape[0], rotation)
        let o = q.result([q.shape[0], heads * shape.valueSize], .f32)
        let call = KeyValueAttention(
            q: q, runs: runs, rotation: rotation, scale: scale, window: window ?? 0,
            softcap: softcap ?? 0)
        if o.count > 0 { backend.attend(call, parts, shape, into: o) }
        return o
    }

    private func checked(_ x: Tensor, _ columns: Int) -> Tensor {
        require(
            x.rank == 2 && x.shape[1] == columns && x.dtype == .f32 && x.backend === backend,
            "KeyValues: rows of shape \(x.shape), not (N, \(columns)) of f32 on \(backend.name)")
        return x.detached.contiguous()
    }

    private func check(_ runs: [KeyValueRun], rows: Int, _ rotation: Rope?) {
        require(
            runs.allSatisfy {
                $0.row >= 0 && $0.count >= 0 && $0.row + $0.count <= rows && $0.slot >= 0
                    && $0.slot < shape.slots && $0.position >= 0
                    && $0.position + $0.count <= shape.capacity
            }, "KeyValues: \(runs) do not fit in \(shape) or \(rows) rows")
        require(
            rotation.map { $0.cos.shape == [1, rows, $0.dims / 2] } ?? true,
            "KeyValues: a rotation of \(rotation?.cos.shape ?? []) for \(rows) rows")
    }

    /// Writes go to memory that nobody else holds.
    private mutating func makeUnique() {
        for i in parts.indices where !isKnownUniquelyReferenced(&parts[i].storage) {
            parts[i] = parts[i].copied()
        }
    }
}

/// What a layer keeps: keys of K heads of D channels, values of Dv, for up to `capacity` tokens a slot.
package struct KeyValueShape: Sendable, Hashable {
    package var slots, heads, capacity, keySize, valueSize: Int
    package var format: KeyValueFormat

    package init(
        slots: Int, heads: Int, capacity: Int, keySize: Int, valueSize: Int,
        format: KeyValueFormat
    ) {
        (self.slots, self.heads, self.capacity) = (slots, heads, capacity)
        (self.keySize, self.valueSize, self.format) = (keySize, valueSize, format)
    }
}

/// In which type keys and values are kept. q8_0: int8 with a scale for every 32 channels.
public enum KeyValueFormat: String, Sendable, CaseIterable {
    case f32, f16, q8_0
}

/// Consecutive tokens of a slot: rows `row` ..< `row + count` of a call are its tokens from `position` on.
package struct KeyValueRun: Sendable, Hashable {
    package var row, count, slot, position: Int

    package init(row: Int, count: Int, slot: Int, position: Int) {
        (self.row, self.count, self.slot, self.position) = (row, count, slot, position)
    }

    package var end: Int { position + count }
}

/// New tokens of runs, contiguous.
package struct KeyValueRows: Sendable {
    package var k, v: Tensor
    package var runs: [KeyValueRun]
    package var rotation: Rope?
}

/// q (N, H D), contiguous. No window or softcap: 0.
package struct KeyValueAttention: Sendable {
    package var q: Tensor
    package var runs: [KeyValueRun]
    package var rotation: Rope?
    package var scale: Float
    package var window: Int
    package var softcap: Float
}
