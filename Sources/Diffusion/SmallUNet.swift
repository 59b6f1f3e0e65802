public import Networks
public import Tensors

/// A U-Net of two sizes with attention at the bottom: the least that draws small pictures.
public struct SmallUNet: Denoiser {
    public struct Configuration: Sendable, Hashable, Codable {
        public var pictureChannels = 1
        public var channels = 32
        /// Length of the sinusoids of a time.
        public var time = 32
        public var groups = 4

        public init(
            pictureChannels: Int = 1, channels: Int = 32, time: Int = 32, groups: Int = 4
        ) {
            (self.pictureChannels, self.channels) = (pictureChannels, channels)
            (self.time, self.groups) = (time, groups)
        }
    }

    public let configuration: Configuration
    let time: TimeEmbedding
    let input: Conv2D
    let downBlock: ResidualBlock
    let downsample: Downsample
    let middle1: ResidualBlock
    let attention: PictureAttention
    let middle2: ResidualBlock
    let upBlock1: ResidualBlock
    let upsample: Upsample
    let upBlock2: ResidualBlock
    let norm: GroupNorm
    let output: Conv2D

    public init(_ scope: ParameterScope, _ c: Configuration) {
        configuration = c
        let width = c.channels
        func block(_ place: ParameterScope, _ inputs: Int, _ outputs: Int) -> ResidualBlock {
            ResidualBlock(place, inputs, outputs, embedding: 4 * c.time, groups: c.groups)
        }
        time = TimeEmbedding(scope["time"], c.time, 4 * c.time)
        input = Conv2D(scope["conv_in"], c.pictureChannels, width, kernel: 3, padding: 1)
        let (down, mid, up) = (scope["down"], scope["mid"], scope["up"])
        downBlock = block(down["res"], width, width)
        downsample = Downsample(down["conv"], width)
        middle1 = block(mid["res1"], width, 2 * width)
        attention = PictureAttention(mid["attn"], 2 * width, groups: c.groups, bias: false)
        middle2 = block(mid["res2"], 2 * width, 2 * width)
        upBlock1 = block(up["res1"], 3 * width, 2 * width)
        upsample = Upsample(up["conv"], 2 * width)
        upBlock2 = block(up["res2"], 3 * width, width)
        norm = GroupNorm(scope["out"]["norm"], c.groups, width)
        output = Conv2D(scope["out"]["conv"], width, c.pictureChannels, kernel: 3, padding: 1)
    }

    public func callAsFunction(
        _ x: Tensor, at t: Tensor, labels: Tensor? = nil, _ context: Context = .evaluation
    ) -> Tensor {
        let e = time(t, context).silu()
        let h1 = downBlock(input(context.cast(x)), e, context)
        let h2 = downsample(h1)
        var h = middle2(attention(middle1(h2, e, context)), e, context)
        h = upsample(upBlock1(Tensor.concatenated([h, h2], axis: 3), e, context))
        h = upBlock2(Tensor.concatenated([h, h1], axis: 3), e, context)
        return output(norm(h, activation: .silu)).cast(to: .f32)
    }
}
