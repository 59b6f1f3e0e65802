/// The keys and values that a model's layers keep of sequences, one slot a sequence.
public protocol KeyValueCache: AnyObject, Sendable {
    var slots: Int { get }
    /// The most tokens of a slot.
    var capacity: Int { get }
    var format: CacheFormat { get }
    /// The bytes of all slots.
    var byteCount: Int { get }

    /// The tokens in a slot.
    func length(_ slot: Int) -> Int
    /// Forgets all but the first `count` tokens.
    func truncate(_ slot: Int, to count: Int)
    /// Makes `target` hold what `source` holds: a shared prompt, the beams of a search.
    func copy(_ source: Int, to target: Int)
    /// Forgets `count` tokens after the first `keep`; those behind move forward, their positions with them.
    func shift(_ slot: Int, keeping keep: Int, dropping count: Int)
}
