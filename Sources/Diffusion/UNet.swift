public import Networks
public import Tensors

/// What a diffusion model is: noisy pictures (N, H, W, C) and times (N) to what was asked of it, (N, H, W, C) f32.
public protocol Denoiser: Sendable {
    func callAsFunction(_ x: Tensor, at t: Tensor, labels: Tensor?, _ context: Context) -> Tensor
}

/// The U-Net of denoising diffusion (Ho et al. 2020): blocks at falling sizes and back up, each size handed over.
public struct UNet: Denoiser {
    public struct Configuration: Sendable, Hashable, Codable {
        public var pictureChannels = 1
        public var outputChannels: Int?
        public var channels = 64
        /// Of each size, from the whole picture down; each is half of the one before.
        public var multipliers = [1, 2, 2]
        /// Residual blocks of each size.
        public var blocks = 2
        /// The sizes with attention, counted from 0: the whole picture.
        public var attention: [Int] = [2]
        public var headSize: Int?
        public var groups = 8
        public var dropout: Float = 0
        /// How many labels there are; one more stands for "none".
        public var classes: Int?

        public init() {}
    }

    public let configuration: Configuration
    let time: TimeEmbedding
    let labels: Embedding?
    let input: Conv2D
    let down: [UNetLevel]
    let middle: (first: ResidualBlock, attention: PictureAttention, second: ResidualBlock)
    let up: [UNetLevel]
    let norm: GroupNorm
    let output: Conv2D

    public init(_ scope: ParameterScope, _ c: Configuration) {
        configuration = c
        let embedding = 4 * c.channels
        time = TimeEmbedding(scope["time"], c.channels, embedding)
        labels = c.classes.map {
            Embedding(scope["labels"], $0 + 1, embedding, .normal(deviation: 0.02))
        }
        input = Conv2D(scope["conv_in"], c.pictureChannels, c.channels, kernel: 3, padding: 1)
        let widths = c.multipliers.map { $0 * c.channels }
        var handed = [c.channels]
        var width = c.channels
        var down: [UNetLevel] = []
        for (i, next) in widths.enumerated() {
            let ins = [width] + [Int](repeating: next, count: c.blocks - 1)
            let isLast = i == widths.count - 1
            down.append(
                UNetLevel(
                    scope["down"][i], c, level: i, ins: ins, next,
                    resampling: isLast ? .none : .down))
            handed += [Int](repeating: next, count: c.blocks + (isLast ? 0 : 1))
            width = next
        }
        self.down = down
        let (place, heads) = (scope["mid"], c.headSize.map { width / $0 } ?? 1)
        middle = (
            ResidualBlock(
                place["res1"], width, width, embedding: embedding, groups: c.groups,
                dropout: c.dropout),
            PictureAttention(place["attn"], width, heads: heads, groups: c.groups),
            ResidualBlock(
                place["res2"], width, width, embedding: embedding, groups: c.groups,
                dropout: c.dropout)
        )
        var up: [UNetLevel] = []
        for (i, next) in widths.enumerated().reversed() {
            let ins = (0...c.blocks).map { block in
                (block == 0 ? width : next) + handed.removeLast()
            }
            up.append(
                UNetLevel(
                    scope["up"][i], c, level: i, ins: ins, next,
                    resampling: i == 0 ? .none : .up))
            width = next
        }
        self.up = up
        norm = GroupNorm(scope["out"]["norm"], c.groups, width)
        // From 0, so that an untrained model says nothing.
        output = Conv2D(
            scope["out"]["conv"], width, c.outputChannels ?? c.pictureChannels, kernel: 3,
            padding: 1, .zeros)
    }

    /// - Parameters:
    ///   - t: times (N), as the model was trained on: 0 ... 1000.
    ///   - labels: (N) i32, the number of classes for "none"; needed if the model knows classes.
    public func callAsFunction(
        _ x: Tensor, at t: Tensor, labels ids: Tensor? = nil, _ context: Context = .evaluation
    ) -> Tensor {
        var embedding = time(t, context)
        if let labels, let ids { embedding = embedding + labels(ids, context) }
        let e = embedding.silu()
        var h = input(context.cast(x))
        var handed = [h]
        for level in down { h = level.down(h, e, &handed, context) }
        h = middle.first(h, e, context)
        h = middle.second(middle.attention(h), e, context)
        for level in up { h = level.up(h, e, &handed, context) }
        return output(norm(h, activation: .silu)).cast(to: .f32)
    }
}

/// The blocks of one size, and the way to the next size.
struct UNetLevel: Sendable {
    enum Resampling: Sendable { case none, down, up }

    let blocks: [ResidualBlock]
    let attention: [PictureAttention]
    let downsample: Downsample?
    let upsample: Upsample?

    init(
        _ scope: ParameterScope, _ c: UNet.Configuration, level: Int, ins: [Int], _ outputs: Int,
        resampling: Resampling
    ) {
        blocks = ins.indices.map {
            ResidualBlock(
                scope["blocks"][$0], ins[$0], outputs, embedding: 4 * c.channels,
                groups: c.groups, dropout: c.dropout)
        }
        let heads = c.headSize.map { max(1, outputs / $0) } ?? 1
        attention =
            c.attention.contains(level)
            ? ins.indices.map {
                PictureAttention(scope["attn"][$0], outputs, heads: heads, groups: c.groups)
            } : []
        downsample = resampling == .down ? Downsample(scope["conv"], outputs) : nil
        upsample = resampling == .up ? Upsample(scope["conv"], outputs) : nil
    }

    func down(_ x: Tensor, _ e: Tensor, _ handed: inout [Tensor], _ context: Context) -> Tensor {
        var h = x
        for i in blocks.indices {
            h = blocks[i](h, e, context)
            if !attention.isEmpty { h = attention[i](h) }
            handed.append(h)
        }
        if let downsample {
            h = downsample(h)
            handed.append(h)
        }
        return h
    }

    func up(_ x: Tensor, _ e: Tensor, _ handed: inout [Tensor], _ context: Context) -> Tensor {
        var h = x
        for i in blocks.indices {
            h = blocks[i](Tensor.concatenated([h, handed.removeLast()], axis: 3), e, context)
            if !attention.isEmpty { h = attention[i](h) }
        }
        return upsample?(h) ?? h
    }
}
