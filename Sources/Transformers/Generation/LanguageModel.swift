public import Tensors

/// A model that continues sequences of tokens, several at once, each in a slot of a cache.
public protocol LanguageModel: Sendable {
    /// The number of logits: V.
    var vocabulary: Int { get }
    /// The most positions that it was made for.
    var context: Int { get }
    var device: Device { get }

    /// Room for the keys and values of `slots` sequences of up to `capacity` tokens each.
    func makeCache(slots: Int, capacity: Int, format: CacheFormat) -> any KeyValueCache

    /// Feeds tokens to their sequences, which go on where the cache has them end, and leaves the cache longer by them.
    ///
    /// A row of the result does not depend on the other runs of the batch, to the bit.
    ///
    /// - Returns: logits (rows, V), f32, of the tokens that the runs ask for, in order.
    func logits(_ batch: TokenBatch, _ cache: any KeyValueCache) -> Tensor
}

/// The tokens of one pass.
public struct TokenBatch: Sendable {
    public var runs: [Run]

    public init(_ runs: [Run]) { self.runs = runs }

    /// One sequence.
    public init(_ tokens: [Int], slot: Int = 0, wanted: Wanted = .last) {
        runs = [Run(tokens, slot: slot, wanted: wanted)]
    }

    /// Consecutive tokens of one sequence.
    public struct Run: Sendable {
        public var tokens: [Int]
        /// Whose keys and values they see and join.
        public var slot: Int
        public var wanted: Wanted

        public init(_ tokens: [Int], slot: Int, wanted: Wanted = .last) {
            (self.tokens, self.slot, self.wanted) = (tokens, slot, wanted)
        }
    }

    /// Which tokens of a run have their logits computed.
    public enum Wanted: Sendable { case none, last, all }
}

/// In which type keys and values are kept.
public enum CacheFormat: String, Sendable, CaseIterable {
    case f32, f16, q8_0
}
