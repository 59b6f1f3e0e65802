import Files
import Synchronization
import Tensors

/// The keys, as they were turned by their positions, and the values of a decoder's layers.
final class DecoderCache: KeyValueCache {
    let slots: Int
    let capacity: Int
    let format: CacheFormat
    private let configuration: DecoderConfiguration
    private let device: Device
    private let state: Mutex<State>

    private struct State {
        var lengths: [Int]
        var layers: [Layer]
    }

    private struct Layer {
        var keys: CacheTensor
        var values: CacheTensor
    }

    init(
        _ c: DecoderConfiguration, slots: Int, capacity: Int, format: CacheFormat,
        on device: Device
    ) {
        require(slots > 0 && capacity > 0, "DecoderCache: \(slots) slots of \(capacity) tokens")
        (self.slots, self.capacity, configuration, self.device) = (slots, capacity, c, device)
        let format = format == .q8_0 && c.headSize % CacheTensor.group != 0 ? .f16 : format
        self.format = format
        let shape = [slots, c.keyHeads, capacity, c.headSize]
        state = Mutex(
            State(
                lengths: Array(repeating: 0, count: slots),
                layers: (0..<c.layers).map { _ in
                    Layer(
                        keys: CacheTensor(shape, format, on: device),
                        values: CacheTensor(shape, format, on: device))
                }))
    }

    var byteCount: Int {
        state.withLock { $0.layers.map { $0.keys.byteCount + $0.values.byteCount }.reduce(0, +) }
    }

    func length(_ slot: Int) -> Int { state.withLock { $0.lengths[slot] } }

    func truncate(_ slot: Int, to count: Int) {
        state.withLock { $0.lengths[slot] = min($0.lengths[slot], max(0, count)) }
    }

    /// The runs' tokens are in all layers now.
    func advance(_ runs: [DecoderPass.Run]) {
        state.withLock { state in
            for run in runs { state.lengths[run.slot] = run.end }
        }
    }

    func copy(_ source: Int, to target: Int) {
        guard source != target else { return }
        state.withLock { state in
            let count = state.lengths[source]
            state.lengths[target] = count
            for i in state.layers.indices {
                state.layers[i].keys.copy(source, to: target, count)
                state.layers[i].values.copy(source, to: target, count)
            }
        }
    }

    func shift(_ slot: Int, keeping keep: Int, dropping count: Int) {
        state.withLock { state in
            let rest = state.lengths[slot] - keep - count
            require(
                keep >= 0 && count >= 0 && rest >= 0,
                "shift: \(keep) tokens kept and \(count) dropped of \(state.lengths[slot])")
            guard count > 0 else { return }
            let positions = Tensor.full([1, max(1, rest)], Float(-count), on: device)
            state.lengths[slot] = keep + rest
            for i in state.layers.indices where rest > 0 {
                let from = keep + count..<keep + count + rest
                var keys = state.layers[i].keys.read(slot, from).copied()
                let values = state.layers[i].values.read(slot, from).copied()
                if case .rotary = configuration.positions, let rope = configuration.rotary(i) {
                    let frequencies = Tensor(rope.frequencies(length: capacity), on: device)
                    keys = keys.rotated(
                        Rope(positions, frequencies, isInterleaved: rope.isInterleaved))
                }
                state.layers[i].keys.write(keys, slot, at: keep)
                state.layers[i].values.write(values, slot, at: keep)
            }
        }
    }

    /// Takes the runs' keys and values (1, K, N, D) into a layer, and lets their queries (1, H, N, D) see their
    /// sequences: (1, H, N, D).
    func attend(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ runs: [DecoderPass.Run],
        _ style: DecoderAttention.Style
    ) -> Tensor {
        let results = runs.map { run in
            func rows(_ x: Tensor) -> Tensor { x.narrowed(2, start: run.row, count: run.count) }
            let (keys, values) = state.withLock { state in
                state.layers[style.layer].keys.write(rows(k), run.slot, at: run.position)
                state.layers[style.layer].values.write(rows(v), run.slot, at: run.position)
                return (
                    state.layers[style.layer].keys.read(run.slot, 0..<run.end),
                    state.layers[style.layer].values.read(run.slot, 0..<run.end)
                )
            }
            return rows(q).attention(
                keys, values, scale: style.scale, causal: .bottomRight, window: style.window,
                softcap: style.softcap)
        }
        return results.count == 1 ? results[0] : Tensor.concatenated(results, axis: 2)
    }
}

// MARK: files

extension DecoderCache {
    func tensors(_ slot: Int) -> [(name: String, tensor: Tensor)] {
        state.withLock { state in
            let count = state.lengths[slot]
            return state.layers.enumerated().flatMap { i, layer in
                layer.keys.parts(slot, count).map { ("layers.\(i).keys\($0)", $1) }
                    + layer.values.parts(slot, count).map { ("layers.\(i).values\($0)", $1) }
            }
        }
    }

    func restore(_ slot: Int, count: Int, from file: SafetensorsFile) throws(FileError) {
        guard count >= 0, count <= capacity else {
            throw FileError(file.path, "\(count) tokens do not fit in a cache of \(capacity)")
        }
        var found: [Layer] = []
        for (i, layer) in state.withLock({ $0.layers }).enumerated() {
            var layer = layer
            try layer.keys.restore(slot, count, "layers.\(i).keys", file)
            try layer.values.restore(slot, count, "layers.\(i).values", file)
            found.append(layer)
        }
        state.withLock { state in
            state.layers = found
            state.lengths[slot] = count
        }
    }
}
