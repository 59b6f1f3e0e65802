import Tensors
import Testing

/// Keys and values that are kept, and attention over them, against attention over whole tensors.
@Suite struct KeyValuesTests {
    private static let shape = KeyValueShape(
        slots: 3, heads: 2, capacity: 70, keySize: 64, valueSize: 32, format: .f32)

    @Test(arguments: KeyValueFormat.allCases)
    func attentionIsThatOfTheTokens(format: KeyValueFormat) {
        for device in Device.all {
            var key = RandomKey(seed: 31)
            var shape = KeyValuesTests.shape
            shape.format = format
            var cache = KeyValues(shape, on: device)
            let runs = [
                KeyValueRun(row: 0, count: 40, slot: 2, position: 0),
                KeyValueRun(row: 40, count: 5, slot: 0, position: 0),
            ]
            let (k, v) = (key.normal([45, 128], on: device), key.normal([45, 64], on: device))
            let q = key.normal([45, 4 * 64], on: device)
            let turns = rotation(45, on: device)
            cache.write(k, v, runs, rotation: turns)
            let o = cache.attention(
                q, runs, rotation: turns, scale: 0.125, window: 30, softcap: 20)
            for run in runs {
                let kept = cache.read(run.slot, 0..<run.count)
                let expected = rows(q, 4, run, turns).attention(
                    heads(kept.k, 2), heads(kept.v, 2), scale: 0.125, causal: .bottomRight,
                    window: 30, softcap: 20)
                let own = heads(o.narrowed(0, start: run.row, count: run.count), 4)
                #expect(distance(own, expected) < 1e-5)
                let bound: Float = format == .f32 ? 1e-6 : format == .f16 ? 1e-3 : 2e-2
                #expect(distance(heads(kept.k, 2), rows(k, 2, run, turns)) < bound)
                let values = v.narrowed(0, start: run.row, count: run.count)
                #expect(distance(kept.v, values) < bound)
            }
        }
    }

    @Test func tokensCanComeOneByOneAndBeCopied() {
        for device in Device.all {
            var key = RandomKey(seed: 32)
            var (whole, parts) = (
                KeyValues(KeyValuesTests.shape, on: device),
                KeyValues(KeyValuesTests.shape, on: device)
            )
            let (k, v) = (key.normal([20, 128], on: device), key.normal([20, 64], on: device))
            let q = key.normal([20, 128], on: device)
            whole.write(k, v, [KeyValueRun(row: 0, count: 20, slot: 0, position: 0)])
            for i in 0..<20 {
                parts.write(k, v, [KeyValueRun(row: i, count: 1, slot: 1, position: i)])
            }
            let before = parts
            parts.copy(1, to: 2, count: 20)
            func attention(_ cache: KeyValues, _ slot: Int) -> Tensor {
                let runs = [KeyValueRun(row: 0, count: 20, slot: slot, position: 0)]
                return cache.attention(q, runs, scale: 0.1, window: nil, softcap: nil)
            }
            let expected = attention(whole, 0).bytes()
            #expect(attention(parts, 1).bytes() == expected)
            #expect(attention(parts, 2).bytes() == expected)
            #expect(attention(before, 1).bytes() == expected)
        }
    }

    /// (1, H, T, D) of rows (T, H D).
    private func heads(_ x: Tensor, _ count: Int) -> Tensor {
        x.reshaped([1, x.shape[0], count, -1]).transposed(1, 2)
    }

    /// The rows of a run, turned, as (1, H, T, D).
    private func rows(_ x: Tensor, _ count: Int, _ run: KeyValueRun, _ turns: Rope) -> Tensor {
        let all = heads(x, count)
        let y = all.result()
        all.backend.rope(turns, all, inverse: false, into: y)
        return y.narrowed(2, start: run.row, count: run.count)
    }

    private func rotation(_ rows: Int, on device: Device) -> Rope {
        let positions = (Tensor.arange(rows, on: device) * 3).reshaped([1, rows])
        return Rope(positions, Tensor.arange(16, on: device) * 0.37, isInterleaved: true)
    }
}

/// How far apart two tensors are, relative to the second's size.
private func distance(_ a: Tensor, _ b: Tensor) -> Float {
    (a - b).norm().item() / b.norm().item()
}
