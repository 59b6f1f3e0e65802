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
        let (b, t) = (x.shape[0], x.shape[1])
        let positions = positions ?? .arange(t, dtype: .i32, on: x.device)
        let parts = packed.reshaped([b, t, heads + 2 * keyHeads, headSize])
            .split([heads, keyHeads, keyHeads], axis: 2)
            .map { $0.transposed(1, 2) }  // (B, H, T, D)
        let (q, k) = (
            parts[0].rope(
                positions: positions, base: rope.base, isInterleaved: rope.isInterleaved),
            parts[1].rope(
                positions: positions, base: rope.base, isInterleaved: rope.isInterleaved)
        )
        let o = q.attention(k, parts[2], causal: causal)
        return proj(o.transposed(1, 2).reshaped([b, t, heads * headSize]))
    }
}
