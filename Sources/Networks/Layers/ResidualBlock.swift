public import Tensors

/// Two 3 × 3 convolutions, each on a group norm and silu, added to what came in: (N, H, W, inputs) to
/// (N, H, W, outputs). An embedding of time (and whatever else) is added between the two.
public struct ResidualBlock: Sendable {
    let norm1: GroupNorm
    let conv1: Conv2D
    let time: Linear?
    let norm2: GroupNorm
    let drop: Dropout
    let conv2: Conv2D
    /// Where the channels change.
    let skip: Conv2D?

    public init(
        _ scope: ParameterScope, _ inputs: Int, _ outputs: Int, embedding: Int? = nil,
        groups: Int = 32, dropout: Float = 0, epsilon: Float = 1e-5
    ) {
        norm1 = GroupNorm(scope["norm1"], groups, inputs, epsilon: epsilon)
        conv1 = Conv2D(scope["conv1"], inputs, outputs, kernel: 3, padding: 1)
        time = embedding.map { Linear(scope["time"], $0, outputs) }
        norm2 = GroupNorm(scope["norm2"], groups, outputs, epsilon: epsilon)
        drop = Dropout(scope["drop"], dropout)
        conv2 = Conv2D(scope["conv2"], outputs, outputs, kernel: 3, padding: 1)
        skip = inputs == outputs ? nil : Conv2D(scope["skip"], inputs, outputs, kernel: 1)
    }

    /// - Parameter embedding: silu of the embedding, (N, embedding): the same for all blocks, so computed once outside.
    public func callAsFunction(_ x: Tensor, _ embedding: Tensor? = nil, _ context: Context)
        -> Tensor
    {
        var h = conv1(norm1(x, activation: .silu))
        if let time, let embedding {
            h = h + time(embedding).reshaped([h.shape[0], 1, 1, h.shape[3]])
        }
        h = conv2(drop(norm2(h, activation: .silu), context))
        return h + (skip?(x) ?? x)
    }
}

/// Attention of all pixels on one another, on a group norm, added to what came in: (N, H, W, C) to the same.
public struct PictureAttention: Sendable {
    let norm: GroupNorm
    let qkv: Conv2D
    let proj: Conv2D
    let heads: Int

    public init(
        _ scope: ParameterScope, _ channels: Int, heads: Int = 1, groups: Int = 32,
        bias: Bool = true
    ) {
        require(
            heads > 0 && channels % heads == 0,
            "PictureAttention: \(channels) channels in \(heads) heads")
        norm = GroupNorm(scope["norm"], groups, channels)
        qkv = Conv2D(scope["qkv"], channels, 3 * channels, kernel: 1, bias: bias)
        proj = Conv2D(scope["proj"], channels, channels, kernel: 1)
        self.heads = heads
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        let (n, pixels) = (x.shape[0], x.shape[1] * x.shape[2])
        let packed = qkv(norm(x)).reshaped([n, pixels, 3 * x.shape[3]])
        return x + proj(packed.packedAttention(heads: heads, keyHeads: heads).reshaped(x.shape))
    }
}

/// Twice as large by the nearest pixel, then a 3 × 3 convolution.
public struct Upsample: Sendable {
    let conv: Conv2D

    public init(_ scope: ParameterScope, _ channels: Int) {
        conv = Conv2D(scope, channels, channels, kernel: 3, padding: 1)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        conv(x.upsampledNearest(to: Pair(2 * x.shape[1], 2 * x.shape[2])))
    }
}

/// Half as large by a 3 × 3 convolution of stride 2.
public struct Downsample: Sendable {
    let conv: Conv2D

    public init(_ scope: ParameterScope, _ channels: Int) {
        conv = Conv2D(scope, channels, channels, kernel: 3, stride: 2, padding: 1)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { conv(x) }
}

/// Times (N) to silu of an embedding (N, outputs): sinusoids, and two linear maps with silu between.
public struct TimeEmbedding: Sendable {
    let maps: [Linear]
    let channels: Int

    public init(_ scope: ParameterScope, _ channels: Int, _ outputs: Int) {
        self.channels = channels
        maps = [Linear(scope[0], channels, outputs), Linear(scope[1], outputs, outputs)]
    }

    /// Before the last silu, so that other embeddings can be added.
    public func callAsFunction(_ t: Tensor, _ context: Context) -> Tensor {
        maps[1](maps[0](context.cast(t.sinusoidalEmbedding(channels)), activation: .silu))
    }
}
