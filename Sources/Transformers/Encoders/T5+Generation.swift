import Files
import Networks
import Synchronization
public import Tensors

// The decoder as a language model, with the source in the cache.

extension T5: LanguageModel {
    public var vocabulary: Int { configuration.vocabulary }
    /// Distances have no end; this is what the model was trained for.
    public var context: Int { 512 }
    public var device: Device { encoder.tokens.weight.device }

    public func makeCache(slots: Int, capacity: Int, format: CacheFormat) -> any KeyValueCache {
        T5Cache(
            slots: slots, capacity: capacity, format: format, layers: configuration.decoderLayers)
    }

    /// Encodes source texts for slots of a cache, which forget what they held.
    public func read(_ sources: [[Int]], into slots: [Int], of cache: any KeyValueCache) {
        let (cache, texts) = (own(cache), PackedTexts(sources))
        let (states, starts) = (encoder(texts), texts.places(last: false))
        require(slots.count == sources.count, "T5: \(sources.count) texts for \(slots.count) slots")
        for (i, slot) in slots.enumerated() {
            let rows = states.narrowed(0, start: starts[i], count: sources[i].count)
            cache.begin(slot, with: decoder.layers.map { $0.cross.memory(of: rows) })
        }
    }

    public func logits(_ batch: TokenBatch, _ cache: any KeyValueCache) -> Tensor {
        let cache = own(cache)
        let runs = batch.runs.filter { !$0.tokens.isEmpty }
        let texts = PackedTexts(runs.map(\.tokens))
        let states = decoder(texts) { text, layer, new in
            cache.append(new, layer, slot: runs[text].slot)
        }
        let starts = texts.places(last: false)
        let rows = runs.indices.flatMap { i -> [Int] in
            let end = starts[i] + runs[i].tokens.count
            switch runs[i].wanted {
            case .none: return []
            case .last: return [end - 1]
            case .all: return Array(starts[i]..<end)
            }
        }
        return logits(states.selecting(PackedTexts.ids([rows], on: device)))
    }

    private func own(_ cache: any KeyValueCache) -> T5Cache {
        guard let cache = cache as? T5Cache else {
            mistake("T5: the cache was made by another model")
        }
        return cache
    }
}

extension T5 {
    /// A language model that writes about one source text: each slot of its caches begins with it.
    public func writing(about source: [Int]) -> some LanguageModel {
        SourcedT5(model: self, source: source)
    }
}

private struct SourcedT5: LanguageModel {
    let model: T5
    let source: [Int]

    var vocabulary: Int { model.vocabulary }
    var context: Int { model.context }
    var device: Device { model.device }

    func makeCache(slots: Int, capacity: Int, format: CacheFormat) -> any KeyValueCache {
        let cache = model.makeCache(slots: slots, capacity: capacity, format: format)
        guard slots > 0 else { return cache }
        model.read([source], into: [0], of: cache)
        for slot in 1..<max(1, slots) { cache.copy(0, to: slot) }
        return cache
    }

    func logits(_ batch: TokenBatch, _ cache: any KeyValueCache) -> Tensor {
        model.logits(batch, cache)
    }
}

/// The keys and values of what a T5's decoder has written, and of what it writes about.
final class T5Cache: KeyValueCache {
    let slots: Int
    let capacity: Int
    let format: CacheFormat

    private struct Slot {
        /// By layer; empty at first.
        var own: [KeysAndValues?]
        var source: [KeysAndValues] = []
    }

    private let contents: Mutex<[Slot]>

    init(slots: Int, capacity: Int, format: CacheFormat, layers: Int) {
        (self.slots, self.capacity, self.format) = (slots, capacity, format)
        contents = Mutex(
            Array(repeating: Slot(own: Array(repeating: nil, count: layers)), count: slots))
    }

    var byteCount: Int {
        contents.withLock { slots in
            slots.flatMap { $0.own.compactMap { $0 } + $0.source }.map(\.byteCount).reduce(0, +)
        }
    }

    func length(_ slot: Int) -> Int {
        contents.withLock { $0[slot].own.last.flatMap { $0?.keys.shape[2] } ?? 0 }
    }

    /// Another source for a slot.
    func begin(_ slot: Int, with source: [KeysAndValues]) {
        contents.withLock { slots in
            slots[slot] = Slot(own: source.map { _ in nil }, source: source.map(kept))
        }
    }

    /// New tokens' keys and values in a layer; all that are to be seen then.
    func append(_ new: KeysAndValues, _ layer: Int, slot: Int) -> T5Decoder.Memory {
        contents.withLock { slots in
            require(!slots[slot].source.isEmpty, "T5: slot \(slot) has no source yet")
            let all = slots[slot].own[layer]?.joined(kept(new)) ?? kept(new)
            require(
                all.keys.shape[2] <= capacity,
                "T5: \(all.keys.shape[2]) tokens in a cache of \(capacity)")
            slots[slot].own[layer] = all
            let source = slots[slot].source[layer]
            let type = new.keys.dtype
            return T5Decoder.Memory(own: all.cast(to: type), source: source.cast(to: type))
        }
    }

    /// As the format keeps them; 8 bits are kept as 16 here, a decoder's texts being short.
    private func kept(_ x: KeysAndValues) -> KeysAndValues {
        x.cast(to: format == .f32 ? .f32 : .f16).detached
    }

    func truncate(_ slot: Int, to count: Int) {
        guard count < length(slot) else { return }
        contents.withLock { slots in
            slots[slot].own = slots[slot].own.map { count == 0 ? nil : $0?.part(0..<count) }
        }
    }

    func copy(_ source: Int, to target: Int) { contents.withLock { $0[target] = $0[source] } }

    /// Positions are told from the order alone: the tokens are cut out.
    func shift(_ slot: Int, keeping keep: Int, dropping count: Int) {
        let length = length(slot)
        require(keep >= 0 && count >= 0 && keep + count <= length, "T5: a shift beyond the end")
        contents.withLock { slots in
            slots[slot].own = slots[slot].own.map { own in
                let rest = own?.part(keep + count..<length)
                guard keep > 0, let own, let rest else { return rest }
                return own.part(0..<keep).joined(rest)
            }
        }
    }

    func tensors(_ slot: Int) -> [(name: String, tensor: Tensor)] {
        contents.withLock { slots in
            func named(_ kind: String, _ list: [KeysAndValues]) -> [(String, Tensor)] {
                list.enumerated().flatMap {
                    [("\(kind).\($0).keys", $1.keys), ("\(kind).\($0).values", $1.values)]
                }
            }
            return named("own", slots[slot].own.compactMap { $0 })
                + named("source", slots[slot].source)
        }
    }

    func restore(_ slot: Int, count: Int, from file: SafetensorsFile) throws(FileError) {
        let layers = contents.withLock { $0[slot].own.count }
        func read(_ kind: String, _ layer: Int) throws(FileError) -> KeysAndValues {
            let name = "\(kind).\(layer)"
            let (keys, values) = (
                try file.tensor("\(name).keys"), try file.tensor("\(name).values")
            )
            guard keys.rank == 4, keys.shape == values.shape else {
                throw FileError(file.path, "\(name) has the shape \(keys.shape)")
            }
            return KeysAndValues(keys: keys, values: values)
        }
        var restored = Slot(own: [])
        for layer in 0..<layers {
            let own = count > 0 ? try read("own", layer) : nil
            guard own.map({ $0.keys.shape[2] == count && count <= capacity }) ?? true else {
                throw FileError(file.path, "own.\(layer) does not hold \(count) tokens")
            }
            restored.own.append(own)
            restored.source.append(try read("source", layer))
        }
        contents.withLock { $0[slot] = restored }
    }
}

extension KeysAndValues {
    fileprivate var byteCount: Int { 2 * keys.count * keys.dtype.size }
    fileprivate var detached: KeysAndValues {
        KeysAndValues(keys: keys.detached, values: values.detached)
    }

    fileprivate func cast(to type: DType) -> KeysAndValues {
        KeysAndValues(keys: keys.cast(to: type), values: values.cast(to: type))
    }

    fileprivate func joined(_ other: KeysAndValues) -> KeysAndValues {
        KeysAndValues(
            keys: Tensor.concatenated([keys, other.keys], axis: 2),
            values: Tensor.concatenated([values, other.values], axis: 2))
    }

    /// Some tokens of all.
    fileprivate func part(_ range: Range<Int>) -> KeysAndValues {
        func part(_ x: Tensor) -> Tensor {
            x.narrowed(2, start: range.lowerBound, count: range.count).contiguous()
        }
        return KeysAndValues(keys: part(keys), values: part(values))
    }
}
