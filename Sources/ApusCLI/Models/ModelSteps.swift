import Adversarial
import Autoencoders
import Networks
import Tensors
import Transformers

/// A model whose training step is timed, from made-up data of fixed shapes.
struct ModelSteps: Sendable {
    let name: String
    /// A step, given its number, that returns the loss.
    let make: @Sendable (Precision, Device) -> (Int) -> Double

    static let all = [
        gpt(
            "gpt-nano", batch: 16,
            .init(vocabulary: 65, context: 256, channels: 384, layers: 6, heads: 6)),
        gpt(
            "gpt2-small", batch: 4,
            .init(vocabulary: 50257, context: 256, channels: 768, layers: 12, heads: 12)),
        vae, dcgan, unet,
    ]

    /// A step of AdamW on a loss.
    private static func step(
        _ store: ParameterStore, _ precision: Precision,
        _ loss: @escaping (Context) -> Tensor
    ) -> (Int) -> Double {
        var optimiser = Optimiser(store.trainable, AdamW())
        var scale = LossScale(for: precision)
        return { number in
            let context = Context(
                training: RandomKey(seed: 1).folded(number), precision: precision)
            let (value, gradients) = store.valueAndGradients(scale: scale.value) { loss(context) }
            if precision != .f16 || scale.accepts(gradients.norm()) {
                optimiser.step(gradients, lr: 1e-3)
            }
            return Double(value.item())
        }
    }

    private static func gpt(_ name: String, batch: Int, _ sizes: GPTConfiguration) -> ModelSteps {
        ModelSteps(name: name) { precision, device in
            let store = ParameterStore(seed: 0, on: device)
            let model = GPT(store.scope, sizes)
            var key = RandomKey(seed: 2)
            let shape = [batch, sizes.context]
            func ids() -> Tensor {
                floor(key.uniform(shape, high: Float(sizes.vocabulary), on: device)).cast(to: .i32)
            }
            let (x, y) = (ids(), ids())
            return step(store, precision) {
                model(x, $0).flattened(0, 1).crossEntropy(y.flattened())
            }
        }
    }

    private static let vae = ModelSteps(name: "vae-mlp") { precision, device in
        let store = ParameterStore(seed: 0, on: device)
        let model = VAE(store.scope, .init(input: 784, hidden: [512, 256], latent: 32))
        var key = RandomKey(seed: 2)
        let x = key.uniform([128, 784], on: device)
        return step(store, precision) { context in
            var noise = context.key.folded("noise")
            return model.loss(x, noise: noise.normal([128, 32], on: device), context).total
        }
    }

    private static let unet = ModelSteps(name: "ddpm-unet") { precision, device in
        let store = ParameterStore(seed: 0, on: device)
        let model = PlainUNet(store.scope, channels: 64, pictureChannels: 3)
        var key = RandomKey(seed: 2)
        let (x, n) = (
            key.normal([32, 32, 32, 3], on: device), key.normal([32, 32, 32, 3], on: device)
        )
        let t = floor(key.uniform([32], high: 1000, on: device))
        return step(store, precision) { model(x + n, at: t, $0).mseLoss(n) }
    }

    /// One step of each network; the fake pictures are made once.
    private static let dcgan = ModelSteps(name: "dcgan") { precision, device in
        let store = ParameterStore(seed: 0, on: device)
        let sizes = DCGAN.Configuration(size: 64, pictureChannels: 3, outerBias: false)
        let model = DCGAN(store.scope, sizes)
        let (g, d) = (store.parameters(under: "g"), store.parameters(under: "d"))
        var (makers, critics) = (Optimiser(g, AdamW()), Optimiser(d, AdamW()))
        var key = RandomKey(seed: 2)
        let x = key.uniform([32, 64, 64, 3], on: device)
        return { number in
            let context = Context(training: RandomKey(seed: 1), precision: precision)
            var noise = RandomKey(seed: 3).folded(number)
            let z = noise.normal([32, 100], on: device)
            var fake = recording { model.generator(z, context) }
            let given = fake.detached
            let (loss, forD) = valueAndGradients(at: d) {
                model.discriminator(x, context).nonsaturatingDiscriminatorLoss(
                    fake: model.discriminator(given, context))
            }
            critics.step(forD, lr: 1e-3)
            let (_, forG) = d.frozen {
                valueAndGradients(at: g) {
                    model.discriminator(fake, context).nonsaturatingGeneratorLoss()
                }
            }
            fake = given
            makers.step(forG, lr: 1e-3)
            return Double(loss.item())
        }
    }
}
