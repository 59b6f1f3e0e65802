public import Files
public import Tensors

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
    /// Whether tokens can be moved: what was made with learned positions must be read anew instead.
    var isMovable: Bool { get }
    /// Forgets `count` tokens after the first `keep`; those behind move forward, their positions with them.
    func shift(_ slot: Int, keeping keep: Int, dropping count: Int)

    /// The keys and values of a slot's tokens under names of their own, to be kept in a file.
    func tensors(_ slot: Int) -> [(name: String, tensor: Tensor)]
    /// Makes a slot hold `count` tokens from what `tensors(_:)` gave a cache of the same model and format; what does not fit is
    /// an error, and the slot stays as it was.
    func restore(_ slot: Int, count: Int, from file: SafetensorsFile) throws(FileError)
}

extension KeyValueCache {
    public var isMovable: Bool { true }
}
