import Networks
import Tensors

/// The U-Net whose training step is timed: three sizes, one residual block each way, attention at the bottom.
struct PlainUNet: Sendable {
    let time: TimeEmbedding
    let input: Conv2D
    /// First and second going down, two in the middle, second and first going up.
    let blocks: [ResidualBlock]
    let shrink: [Downsample]
    let attention: PictureAttention
    let norm: GroupNorm
    let output: Conv2D

    init(_ scope: ParameterScope, channels c: Int, pictureChannels: Int) {
        time = TimeEmbedding(scope["time"], c, 4 * c)
        input = Conv2D(scope["in"], pictureChannels, c, kernel: 3, padding: 1)
        let widths = [
            (c, c), (c, 2 * c), (2 * c, 2 * c), (2 * c, 2 * c), (4 * c, c), (2 * c, c),
        ]
        blocks = widths.enumerated().map {
            ResidualBlock(
                scope["blocks"][$0.offset], $0.element.0, $0.element.1, embedding: 4 * c,
                groups: 8)
        }
        shrink = [
            Downsample(scope["shrink"][0], c), Downsample(scope["shrink"][1], 2 * c),
        ]
        attention = PictureAttention(scope["attention"], 2 * c, heads: 4, groups: 8)
        norm = GroupNorm(scope["norm"], 8, c)
        output = Conv2D(scope["out"], c, pictureChannels, kernel: 3, padding: 1)
    }

    func callAsFunction(_ x: Tensor, at t: Tensor, _ context: Context) -> Tensor {
        let e = time(t, context).silu()
        let a = blocks[0](input(context.cast(x)), e, context)
        let b = blocks[1](shrink[0](a), e, context)
        let m = attention(blocks[2](shrink[1](b), e, context))
        var u = blocks[3](m, e, context)
        for (block, handed) in [(blocks[4], b), (blocks[5], a)] {
            let large = u.upsampledNearest(to: Pair(handed.shape[1], handed.shape[2]))
            u = block(Tensor.concatenated([large, handed], axis: 3), e, context)
        }
        return output(norm(u, activation: .silu)).cast(to: .f32)
    }
}
