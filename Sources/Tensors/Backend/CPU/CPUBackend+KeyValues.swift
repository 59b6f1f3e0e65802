import CApus

extension CPUBackend {
    package func makeKeyValues(_ shape: KeyValueShape) -> [Tensor] {
        let c = shape.cache
        return [c.d, c.dv].map { size in
            let bytes = Int(apus_cache_bytes(c.type, c.heads, c.capacity, size))
            return Tensor.uninitialized([shape.slots, bytes], .u8, on: self)
        }
    }

    package func writeKeyValues(
        _ rows: KeyValueRows, _ shape: KeyValueShape, into parts: [Tensor]
    ) {
        var (cache, new) = (shape.cache(parts), rows.k.rows(rows.v))
        withRuns(rows.runs) { runs, count in
            rows.rotation.withRotation { apus_cache_write(&cache, count, runs, &new, $0) }
        }
    }

    package func readKeyValues(
        _ parts: [Tensor], _ shape: KeyValueShape, _ run: KeyValueRun, k: Tensor, v: Tensor
    ) {
        var (cache, rows) = (shape.cache(parts), k.rows(v))
        withRuns([run]) { runs, count in apus_cache_read(&cache, count, runs, &rows) }
    }

    package func copyKeyValues(
        _ parts: [Tensor], _ shape: KeyValueShape, from source: Int, to target: Int, count: Int
    ) {
        var cache = shape.cache(parts)
        apus_cache_copy(&cache, Int64(source), Int64(target), Int64(count))
    }

    package func attend(
        _ call: KeyValueAttention, _ parts: [Tensor], _ shape: KeyValueShape, into o: Tensor
    ) {
        var cache = shape.cache(parts)
        var c = apus_cache_attention()
        c.group = Int64(call.q.shape[1] / (shape.keySize * shape.heads))
        (c.q, c.q_row) = (UnsafePointer(call.q.pointer(Float.self)), Int64(call.q.shape[1]))
        (c.o, c.o_row) = (o.pointer(), Int64(o.shape[1]))
        (c.scale, c.softcap, c.window) = (call.scale, call.softcap, Int64(call.window))
        withRuns(call.runs) { runs, count in
            call.rotation.withRotation {
                c.rotation = $0.pointee
                apus_cache_attend(&cache, count, runs, &c)
            }
        }
    }

    private func withRuns(
        _ runs: [KeyValueRun], _ body: (UnsafePointer<apus_run>, Int64) -> Void
    ) {
        let own = runs.map {
            apus_run(
                row: Int64($0.row), count: Int64($0.count), slot: Int64($0.slot),
                position: Int64($0.position))
        }
        own.withUnsafeBufferPointer { runs in
            if let start = runs.baseAddress { body(start, Int64(runs.count)) }
        }
    }
}

extension Tensor {
    /// Keys, with their values.
    fileprivate func rows(_ v: Tensor) -> apus_cache_rows {
        apus_cache_rows(
            k: pointer(), v: v.pointer(), k_row: Int64(shape[1]), v_row: Int64(v.shape[1]))
    }
}

extension Rope? {
    fileprivate func withRotation(_ body: (UnsafePointer<apus_rotation>) -> Void) {
        var rotation = apus_rotation()
        if let self {
            rotation.cos = UnsafePointer(self.cos.pointer(Float.self))
            rotation.sin = UnsafePointer(self.sin.pointer(Float.self))
            (rotation.dims, rotation.interleaved) = (Int64(self.dims), self.isInterleaved)
        }
        withExtendedLifetime(self) { body(&rotation) }
    }
}

extension KeyValueShape {
    /// As C has it, without memory.
    fileprivate var cache: apus_cache {
        let unit = Int(APUS_CACHE_TOKENS)
        var cache = apus_cache()
        cache.type =
            switch format {
            case .f32: APUS_CACHE_F32
            case .f16: APUS_CACHE_F16
            case .q8_0: APUS_CACHE_Q8_0
            }
        cache.heads = Int64(heads)
        cache.capacity = Int64((capacity + unit - 1) / unit * unit)
        (cache.d, cache.dv) = (Int64(keySize), Int64(valueSize))
        return cache
    }

    fileprivate func cache(_ parts: [Tensor]) -> apus_cache {
        var cache = cache
        (cache.keys, cache.values) = (parts[0].address, parts[1].address)
        return cache
    }
}
