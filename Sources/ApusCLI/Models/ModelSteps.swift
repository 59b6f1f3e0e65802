import Adversarial
import Autoencoders
import Networks
import Tensors
import Transformers

/// A model whose training step is timed, from made-up data of fixed shapes.
struct ModelSteps: Sendable {
    let name: String
    /// A step, given its number, that returns the loss.
    let make: @Sendable (Precision, StepSource) throws -> (Int) -> Double

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
        _ loss: @escaping (Int, Context) -> Tensor
    ) -> (Int) -> Double {
        var optimiser = Optimiser(store.trainable, AdamW())
        var scale = LossScale(for: precision)
        return { number in
            let context = Context(
                training: RandomKey(seed: 1).folded(number), precision: precision)
            let (value, gradients) = store.valueAndGradients(scale: scale.value) {
                loss(number, context)
            }
            if precision != .f16 || scale.accepts(gradients.norm()) {
                optimiser.step(gradients, lr: 1e-3)
            }
            return Double(value.item())
        }
    }

    private static func gpt(_ name: String, batch: Int, _ sizes: GPTConfiguration) -> ModelSteps {
        ModelSteps(name: name) { precision, source in
            let device = source.device
            let store = ParameterStore(seed: 0, on: device)
            let model = GPT(store.scope, sizes)
            try source.fill(store)
            var key = RandomKey(seed: 2)
            let shape = [batch, sizes.context]
            func ids() -> Tensor {
                floor(key.uniform(shape, high: Float(sizes.vocabulary), on: device)).cast(to: .i32)
            }
            let (x, y) = (try source.data("x", else: ids()), try source.data("y", else: ids()))
            return step(store, precision) { _, context in
                model(x, context).flattened(0, 1).crossEntropy(y.flattened())
            }
        }
    }

    private static let vae = ModelSteps(name: "vae-mlp") { precision, source in
        let device = source.device
        let store = ParameterStore(seed: 0, on: device)
        let model = VAE(store.scope, .init(input: 784, hidden: [512, 256], latent: 32))
        var key = RandomKey(seed: 2)
        try source.fill(store)
        let x = try source.data("x", else: key.uniform([128, 784], on: device))
        let noise = try source.draws("noise") { number in
            var key = RandomKey(seed: 3).folded(number)
            return key.normal([128, 32], on: device)
        }
        return step(store, precision) { number, context in
            model.loss(x, noise: noise(number), context).total
        }
    }

    private static let unet = ModelSteps(name: "ddpm-unet") { precision, source in
        let device = source.device
        let store = ParameterStore(seed: 0, on: device)
        let model = PlainUNet(store.scope, channels: 64, pictureChannels: 3)
        var key = RandomKey(seed: 2)
        try source.fill(store)
        let x = try source.pictures("x", else: key.normal([32, 32, 32, 3], on: device))
        let n = try source.pictures("noise", else: key.normal([32, 32, 32, 3], on: device))
        let t = try source.data("t", else: floor(key.uniform([32], high: 1000, on: device)))
        return step(store, precision) { _, context in
            model(x + n, at: t, context).mseLoss(n)
        }
    }

    /// One step of each network; the fake pictures are made once.
    private static let dcgan = ModelSteps(name: "dcgan") { precision, source in
        let device = source.device
        let store = ParameterStore(seed: 0, on: device)
        let sizes = DCGAN.Configuration(size: 64, pictureChannels: 3, outerBias: false)
        let model = DCGAN(store.scope, sizes)
        let (g, d) = (store.parameters(under: "g"), store.parameters(under: "d"))
        var (makers, critics) = (Optimiser(g, AdamW()), Optimiser(d, AdamW()))
        var key = RandomKey(seed: 2)
        try source.fill(store)
        let x = try source.pictures("x", else: key.uniform([32, 64, 64, 3], on: device))
        let z = try source.draws("z") { number in
            var key = RandomKey(seed: 3).folded(number)
            return key.normal([32, 100], on: device)
        }
        return { number in
            let context = Context(training: RandomKey(seed: 1), precision: precision)
            var fake = recording { model.generator(z(number), context) }
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
