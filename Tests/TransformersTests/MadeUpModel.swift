import Files
import Synchronization
import Tensors
import Transformers

/// A language model without weights: the logits of what follows depend on the last few tokens, by a mixing of bits.
struct MadeUpModel: LanguageModel {
    var vocabulary = 16
    var context = 256
    /// How many tokens back it looks.
    var memory = 3
    var seed: UInt64 = 1
    var device: Device { .cpu }

    func makeCache(slots: Int, capacity: Int, format: CacheFormat) -> any KeyValueCache {
        TokenCache(slots: slots, capacity: capacity, format: format)
    }

    func logits(_ batch: TokenBatch, _ cache: any KeyValueCache) -> Tensor {
        guard let cache = cache as? TokenCache else { preconditionFailure("another model's cache") }
        var rows: [Float] = []
        for run in batch.runs {
            for (i, token) in run.tokens.enumerated() {
                cache.append(token, to: run.slot)
                let isWanted =
                    run.wanted == .all || run.wanted == .last && i == run.tokens.count - 1
                if isWanted { rows += logits(after: cache.tokens(run.slot)) }
            }
        }
        return Tensor(rows, shape: [rows.count / vocabulary, vocabulary])
    }

    /// Between -3 and 3.
    func logits(after tokens: [Int]) -> [Float] {
        var state = tokens.suffix(memory).reduce(seed) { mixed($0 &* 31 &+ UInt64($1) &+ 1) }
        return (0..<vocabulary).map { _ in
            state = mixed(state &+ 0x9e37_79b9_7f4a_7c15)
            return Float(state >> 40) * 0x1p-24 * 6 - 3
        }
    }

    private func mixed(_ bits: UInt64) -> UInt64 {
        let z = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        return z ^ (z >> 27)
    }
}

/// Keeps the tokens themselves.
final class TokenCache: KeyValueCache {
    let slots: Int
    let capacity: Int
    let format: CacheFormat
    private let kept: Mutex<[[Int]]>

    init(slots: Int, capacity: Int, format: CacheFormat) {
        (self.slots, self.capacity, self.format) = (slots, capacity, format)
        kept = Mutex(Array(repeating: [], count: slots))
    }

    var byteCount: Int { slots * capacity * 8 }
    func tokens(_ slot: Int) -> [Int] { kept.withLock { $0[slot] } }
    func length(_ slot: Int) -> Int { tokens(slot).count }
    func truncate(_ slot: Int, to count: Int) {
        kept.withLock { $0[slot].removeLast(max(0, $0[slot].count - count)) }
    }
    func copy(_ source: Int, to target: Int) { kept.withLock { $0[target] = $0[source] } }
    func shift(_ slot: Int, keeping keep: Int, dropping count: Int) {
        kept.withLock { $0[slot].removeSubrange(keep..<keep + count) }
    }

    func append(_ token: Int, to slot: Int) {
        kept.withLock { $0[slot].append(token) }
        precondition(length(slot) <= capacity, "more tokens than the cache holds")
    }

    func tensors(_ slot: Int) -> [(name: String, tensor: Tensor)] {
        let tokens = tokens(slot).map { Int32($0) }
        return [("tokens", Tensor(tokens, shape: [tokens.count]))]
    }

    func restore(_ slot: Int, count: Int, from file: SafetensorsFile) throws(FileError) {
        let tokens = try file.tensor("tokens").scalars(as: Int32.self).map { Int($0) }
        guard tokens.count == count, count <= capacity else {
            throw FileError(file.path, "holds \(tokens.count) tokens")
        }
        kept.withLock { $0[slot] = tokens }
    }
}
