import Adversarial
import Autoencoders
import Diffusion
import Networks
import Tensors
import Testing
import Transformers

/// Every model runs forward and backward in every precision on every device, and all its parameters get a gradient.
@Suite struct ModelTests {
    @Test(arguments: ModelCase.all, Precision.allCases)
    func everyParameterGetsAFiniteGradient(model: ModelCase, precision: Precision) {
        for device in Device.all {
            Device.with(device) {
                let store = ParameterStore(seed: 1, on: device)
                let context = Context(training: RandomKey(seed: 2), precision: precision)
                let loss = model.build(store.scope)
                let (value, gradients) = store.valueAndGradients { loss(context) }
                #expect(value.dtype == .f32, "\(model.name)")
                #expect(value.item().isFinite, "\(model.name) \(precision) on \(device)")
                for entry in gradients.entries {
                    let norm = entry.gradient.norm().item()
                    let mayBeZero = model.silent.contains { entry.parameter.name.hasPrefix($0) }
                    #expect(
                        norm.isFinite && (norm > 0 || mayBeZero),
                        "\(model.name) \(precision) on \(device): \(entry.parameter.name) \(norm)")
                }
            }
        }
    }

    @Test func aUNetKnowsClassesAndSizes() {
        let store = ParameterStore(seed: 1)
        var sizes = UNet.Configuration()
        sizes.pictureChannels = 3
        sizes.channels = 16
        sizes.multipliers = [1, 2, 4]
        sizes.attention = [1, 2]
        sizes.headSize = 8
        sizes.classes = 10
        let model = UNet(store.scope, sizes)
        let t = Tensor([0, 500] as [Float])
        let y = model(Tensor.ones([2, 16, 8, 3]), at: t, labels: Tensor([3, 10] as [Int32]))
        #expect(y.shape == [2, 16, 8, 3])
    }
}

struct ModelCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// Parameters whose gradient is 0 at the start.
    var silent: [String] = []
    let build: @Sendable (ParameterScope) -> @Sendable (Context) -> Tensor
    var testDescription: String { name }

    private static func numbers(_ shape: [Int], seed: UInt64 = 7) -> Tensor {
        var key = RandomKey(seed: seed)
        return key.uniform(shape)
    }

    static let all: [ModelCase] = [
        ModelCase(name: "gpt") { scope in
            let model = GPT(
                scope, .init(vocabulary: 11, context: 8, channels: 16, layers: 2, heads: 2))
            let tokens = Tensor((0..<18).map { Int32($0 * 5 % 11) }, shape: [2, 9])
            return { model.loss(tokens, $0) }
        },
        ModelCase(name: "gpt with dropout") { scope in
            let sizes = GPTConfiguration(
                vocabulary: 11, context: 8, channels: 16, layers: 1, heads: 2, dropout: 0.2,
                tied: false, bias: false)
            let model = GPT(scope, sizes)
            let tokens = Tensor((0..<18).map { Int32($0 * 5 % 11) }, shape: [2, 9])
            return { model.loss(tokens, $0) }
        },
        ModelCase(name: "autoencoder") { scope in
            let model = Autoencoder(scope, .init(widths: [36, 16, 8]))
            let x = numbers([4, 36])
            return { model.loss(x, $0) }
        },
        ModelCase(name: "vae") { scope in
            let model = VAE(scope, .init(input: 36, hidden: [16, 12], latent: 4))
            let (x, noise) = (numbers([4, 36]), numbers([4, 4], seed: 8))
            return { model.loss(x, noise: noise, $0).total }
        },
        ModelCase(name: "vqvae") { scope in
            let model = VQVAE(scope, .init(hidden: 8, code: 4, codes: 6))
            let x = numbers([2, 8, 8, 1])
            return { model.loss(x, $0).total }
        },
        ModelCase(name: "dcgan", silent: ["g"]) { scope in
            let model = DCGAN(scope, .init(size: 16, latent: 6, channels: 8))
            let (x, z) = (numbers([4, 16, 16, 1]), numbers([4, 6]))
            return { model.discriminatorLoss(x, z: z, $0) }
        },
        ModelCase(name: "unet", silent: ["time", "conv_in", "down", "mid", "up", "out.norm"]) {
            scope in
            var sizes = UNet.Configuration()
            sizes.channels = 8
            sizes.dropout = 0.1
            let model = UNet(scope, sizes)
            let (x, t) = (numbers([2, 8, 8, 1]), Tensor([3, 700] as [Float]))
            return { model(x, at: t, $0).mseLoss(x) }
        },
        ModelCase(name: "small unet") { scope in
            let model = SmallUNet(scope, .init(channels: 8, time: 8))
            let (x, t) = (numbers([2, 8, 8, 1]), Tensor([3, 700] as [Float]))
            return { model(x, at: t, $0).mseLoss(x) }
        },
    ]
}
