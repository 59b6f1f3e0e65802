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
        var layers: [KeyValues]
    }

    init(
        _ c: DecoderConfiguration, slots: Int, capacity: Int, format: CacheFormat,
        on device: Device
    ) {
        require(slots > 0 && capacity > 0, "DecoderCache: \(slots) slots of \(capacity) tokens")
        (self.slots, self.capacity, configuration, self.device) = (slots, capacity, c, device)
        self.format = format
        let shape = KeyValueShape(
            slots: slots, heads: c.keyHeads, capacity: capacity, keySize: c.headSize,
            valueSize: c.headSize, format: format.kept)
        state = Mutex(
            State(
                lengths: Array(repeating: 0, count: slots),
                layers: (0..<c.layers).map { _ in KeyValues(shape, on: device) }))
    }

    var byteCount: Int {
        state.withLock { $0.layers.map(\.byteCount).reduce(0, +) }
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
                state.layers[i].copy(source, to: target, count: count)
            }
        }
    }

    var isMovable: Bool {
        if case .learned = configuration.positions { false } else { true }
    }

    func shift(_ slot: Int, keeping keep: Int, dropping count: Int) {
        require(isMovable, "shift: what was made with learned positions must be read anew")
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
                var (keys, values) = state.layers[i].read(slot, from)
                if case .rotary = configuration.positions, let rope = configuration.rotary(i) {
                    let frequencies = Tensor(rope.frequencies(length: capacity), on: device)
                    let turns = Rope(positions, frequencies, isInterleaved: rope.isInterleaved)
                    let heads = keys.reshaped([1, rest, configuration.keyHeads, -1])
                    keys = heads.transposed(1, 2).rotated(turns).transposed(1, 2)
                        .reshaped(keys.shape)
                }
                let run = DecoderPass.Run(row: 0, count: rest, slot: slot, position: keep)
                state.layers[i].write(keys, values, [run])
            }
        }
    }

    /// Takes the runs' keys and values (N, K D) into a layer, and lets their queries (N, H D) see their sequences:
    /// (N, H D).
    func attend(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ runs: [DecoderPass.Run], _ rotation: Rope?,
        _ style: DecoderAttention.Style
    ) -> Tensor {
        state.withLock { state in
            state.layers[style.layer].write(k, v, runs, rotation: rotation)
            return state.layers[style.layer].attention(
                q, runs, rotation: rotation, scale: style.scale, window: style.window,
                softcap: style.softcap)
        }
    }
}

extension CacheFormat {
    fileprivate var kept: KeyValueFormat {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .q8_0: .q8_0
        }
    }
}

// MARK: files

extension DecoderCache {
    func tensors(_ slot: Int) -> [(name: String, tensor: Tensor)] {
        state.withLock { state in
            state.layers.enumerated().flatMap { i, layer in
                let (k, v) = layer.read(slot, 0..<state.lengths[slot])
                return [
                    ("layers.\(i).keys", k.cast(to: fileType)),
                    ("layers.\(i).values", v.cast(to: fileType)),
                ]
            }
        }
    }

    func restore(_ slot: Int, count: Int, from file: SafetensorsFile) throws(FileError) {
        guard count >= 0, count <= capacity else {
            throw FileError(file.path, "\(count) tokens do not fit in a cache of \(capacity)")
        }
        var found: [(Tensor, Tensor)] = []
        for i in 0..<configuration.layers {
            let k = try stored("layers.\(i).keys", count, file)
            found.append((k, try stored("layers.\(i).values", count, file)))
        }
        let run = DecoderPass.Run(row: 0, count: count, slot: slot, position: 0)
        state.withLock { state in
            for (i, (k, v)) in found.enumerated() { state.layers[i].write(k, v, [run]) }
            state.lengths[slot] = count
        }
    }

    /// In which files lose nothing: rounding to q8_0 once more changes nothing.
    private var fileType: DType { format == .f16 ? .f16 : .f32 }

    private func stored(
        _ name: String, _ count: Int, _ file: SafetensorsFile
    ) throws(FileError) -> Tensor {
        let found = try file.tensor(name, on: device)
        let expected = [count, configuration.keyHeads * configuration.headSize]
        guard found.shape == expected, found.dtype == fileType else {
            throw FileError(
                file.path,
                "\(name) is \(found.shape) \(found.dtype), the cache has \(expected) \(fileType)")
        }
        return found.cast(to: .f32)
    }
}
