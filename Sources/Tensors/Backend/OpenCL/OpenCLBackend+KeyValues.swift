// Keys and values lie as (slots, K, capacity, D) in their type; q8_0 as i8 with f16 scales (slots, K, capacity, D / 32)
// behind them, all four parts of a layer in the order: keys, values, scales of keys, scales of values.

extension OpenCLBackend {
    private static var group: Int { 32 }

    package func makeKeyValues(_ shape: KeyValueShape) -> [Tensor] {
        let sizes = [shape.keySize, shape.valueSize]
        func part(_ size: Int, _ dtype: DType) -> Tensor {
            let part = Tensor.uninitialized(
                [shape.slots, shape.heads, shape.capacity, size], dtype, on: self)
            generate(.constant(0), into: part)
            return part
        }
        switch shape.format {
        case .f32: return sizes.map { part($0, .f32) }
        case .f16: return sizes.map { part($0, .f16) }
        case .q8_0:
            return sizes.map { part($0, .i8) }
                + sizes.map { part(roundedUp($0, Self.group), .f16) }
        }
    }

    package func writeKeyValues(
        _ rows: KeyValueRows, _ shape: KeyValueShape, into parts: [Tensor]
    ) {
        let k = turned(rows.k.heads(shape.heads), rows.rotation)
        let v = rows.v.heads(shape.heads)
        for run in rows.runs where run.count > 0 {
            write(k.narrowed(2, start: run.row, count: run.count), 0, run, parts)
            write(v.narrowed(2, start: run.row, count: run.count), 1, run, parts)
        }
    }

    private func turned(_ x: Tensor, _ rotation: Rope?) -> Tensor {
        guard let rotation else { return x }
        let y = x.result()
        rope(rotation, x, inverse: false, into: y)
        return y
    }

    /// x (1, K, T, D) as the tokens of a run in part i, 0 or 1.
    private func write(_ x: Tensor, _ i: Int, _ run: KeyValueRun, _ parts: [Tensor]) {
        let place = parts[i].tokens(run.slot, run.position..<run.end)
        guard parts.count > 2 else { return copy(x, into: place) }
        let (size, blocks) = (x.shape[3], parts[i + 2].shape[3])
        let groups = QuantizedTensor(
            int8Rows: x.contiguous().padded(3, to: blocks * Self.group)
                .reshaped([-1, Self.group]))
        let codes = groups.parts[0].reshaped(Array(x.shape.dropLast()) + [blocks * Self.group])
        copy(codes.narrowed(3, start: 0, count: size), into: place)
        let scales = groups.parts[1].reshaped(Array(x.shape.dropLast()) + [blocks])
        copy(scales, into: parts[i + 2].tokens(run.slot, run.position..<run.end))
    }

    /// Tokens of part i as f32 (1, K, T, D).
    private func values(_ i: Int, _ slot: Int, _ tokens: Range<Int>, _ parts: [Tensor]) -> Tensor {
        let x = parts[i].tokens(slot, tokens).cast(to: .f32)
        guard parts.count > 2 else { return x }
        let scales = parts[i + 2].tokens(slot, tokens).cast(to: .f32).expandingAxis(-1)
        let all = Array(scales.shape.dropLast()) + [Self.group]
        let wide = scales.expanded(to: all).reshaped(
            Array(x.shape.dropLast()) + [scales.shape[3] * Self.group])
        return x * wide.narrowed(3, start: 0, count: x.shape[3])
    }

    package func readKeyValues(
        _ parts: [Tensor], _ shape: KeyValueShape, _ run: KeyValueRun, k: Tensor, v: Tensor
    ) {
        copy(values(0, run.slot, run.position..<run.end, parts), into: k.heads(shape.heads))
        copy(values(1, run.slot, run.position..<run.end, parts), into: v.heads(shape.heads))
    }

    package func copyKeyValues(
        _ parts: [Tensor], _ shape: KeyValueShape, from source: Int, to target: Int, count: Int
    ) {
        for part in parts {
            copy(part.tokens(source, 0..<count), into: part.tokens(target, 0..<count))
        }
    }

    package func attend(
        _ call: KeyValueAttention, _ parts: [Tensor], _ shape: KeyValueShape, into o: Tensor
    ) {
        let heads = call.q.shape[1] / shape.keySize
        let q = turned(call.q.heads(heads), call.rotation)
        for run in call.runs where run.count > 0 {
            let y = q.narrowed(2, start: run.row, count: run.count).attention(
                values(0, run.slot, 0..<run.end, parts), values(1, run.slot, 0..<run.end, parts),
                scale: call.scale, causal: .bottomRight,
                window: call.window > 0 ? call.window : nil,
                softcap: call.softcap != 0 ? call.softcap : nil)
            copy(y, into: o.heads(heads).narrowed(2, start: run.row, count: run.count))
        }
    }
}

extension Tensor {
    /// Rows (N, H D) as (1, H, N, D).
    fileprivate func heads(_ count: Int) -> Tensor {
        reshaped([1, shape[0], count, shape[1] / count]).transposed(1, 2)
    }

    /// Some tokens of a slot: (1, K, T, D) of (slots, K, capacity, D).
    fileprivate func tokens(_ slot: Int, _ range: Range<Int>) -> Tensor {
        narrowed(0, start: slot, count: 1)
            .narrowed(2, start: range.lowerBound, count: range.count)
    }

    /// Zeros behind an axis, up to a length.
    fileprivate func padded(_ axis: Int, to length: Int) -> Tensor {
        guard shape[axis] < length else { return self }
        var hole = shape
        hole[axis] = length - shape[axis]
        return Tensor.concatenated(
            [self, Tensor.zeros(hole, dtype: dtype, on: device)], axis: axis)
    }
}
