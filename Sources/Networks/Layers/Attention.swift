public import Tensors

/// Attention of tokens on themselves, many heads side by side: x (B, T, C) to (B, T, C).
///
/// One map gives queries, keys and values ("qkv"), the other takes the heads' results together ("proj"). Fewer key
/// heads than query heads are shared by groups of them. With `rope`, queries and keys turn by their positions.
public struct SelfAttention: Sendable {
    public let qkv: Linear
    public let proj: Linear
    public let heads: Int
    public let keyHeads: Int
    public let headSize: Int
    public let causal: Causality
    public let rope: Rotation?

    /// Rotary positions.
    public struct Rotation: Sendable, Hashable {
        public var base: Float = 10000
        public var isInterleaved = false
        public init(base: Float = 10000, isInterleaved: Bool = false) {
            (self.base, self.isInterleaved) = (base, isInterleaved)
        }
    }

    public init(
        _ scope: ParameterScope, channels: Int, heads: Int, keyHeads: Int? = nil,
        causal: Causality = .topLeft, rope: Rotation? = nil, bias: Bool = true,
        _ initializer: Initializer = .fanIn, output: Initializer? = nil
    ) {
        let keyHeads = keyHeads ?? heads
        require(
            heads > 0 && channels % heads == 0 && keyHeads > 0 && heads % keyHeads == 0,
            "SelfAttention: \(channels) channels in \(heads) heads with \(keyHeads) key heads")
        headSize = channels / heads
        (self.heads, self.keyHeads, self.causal, self.rope) = (heads, keyHeads, causal, rope)
        let width = (heads + 2 * keyHeads) * headSize
        qkv = Linear(scope["qkv"], channels, width, bias: bias, initializer)
        proj = Linear(scope["proj"], channels, channels, bias: bias, output ?? initializer)
    }

    /// - Parameter positions: (T) or (B, T) for rope; 0 ..< T unless given.
    public func callAsFunction(_ x: Tensor, positions: Tensor? = nil) -> Tensor {
        let packed = qkv(x)
        guard let rope else {
            return proj(packed.packedAttention(heads: heads, keyHeads: keyHeads, causal: causal))
        }
        let positions = positions ?? .arange(x.shape[1], dtype: .i32, on: x.device)
        let (q, k, v) = parts(packed)
        let o = rope(q, positions).attention(rope(k, positions), v, causal: causal)
        return proj(joined(o))
    }

    /// Queries (B, H, T, D), keys and values (B, key heads, T, D).
    private func parts(_ packed: Tensor) -> (q: Tensor, k: Tensor, v: Tensor) {
        let all = heads + 2 * keyHeads
        let parts = packed.reshaped([packed.shape[0], packed.shape[1], all, headSize])
            .split([heads, keyHeads, keyHeads], axis: 2)
            .map { $0.transposed(1, 2) }
        return (parts[0], parts[1], parts[2])
    }

    /// (B, H, T, D) to (B, T, C).
    private func joined(_ o: Tensor) -> Tensor {
        o.transposed(1, 2).reshaped([o.shape[0], o.shape[2], heads * headSize])
    }
}

extension SelfAttention.Rotation {
    func callAsFunction(_ x: Tensor, _ positions: Tensor) -> Tensor {
        x.rope(positions: positions, base: base, isInterleaved: isInterleaved)
    }
}

extension SelfAttention {
    /// The keys and values (B, key heads, S, D) of the tokens that a causal layer has seen.
    public struct Memory: Sendable {
        fileprivate var keys, values: Tensor?

        public init() {}

        /// How many tokens: S.
        public var count: Int { keys?.shape[2] ?? 0 }
    }

    /// The tokens of x (B, T, C) follow those in the memory, see them, and join them.
    public func callAsFunction(_ x: Tensor, _ memory: inout Memory) -> Tensor {
        var (q, k, v) = parts(qkv(x))
        if let rope {
            let positions = Tensor.arange(
                x.shape[1], start: Double(memory.count), dtype: .i32, on: x.device)
            (q, k) = (rope(q, positions), rope(k, positions))
        }
        if let keys = memory.keys, let values = memory.values {
            k = Tensor.concatenated([keys, k], axis: 2)
            v = Tensor.concatenated([values, v], axis: 2)
        }
        (memory.keys, memory.values) = (k, v)
        return proj(joined(q.attention(k, v, causal: .bottomRight)))
    }
}
