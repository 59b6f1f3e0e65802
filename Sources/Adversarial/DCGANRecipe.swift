import Metrics
public import Networks
public import Tensors

/// Two networks against each other: one makes pictures, the other tells them from real ones.
public enum DCGANRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        /// Of the layer next to the picture.
        public var channels = 32
        public var latent = 64
        public var generator = Learner.Settings(
            optimiser: .adam, lr: 2e-4, beta1: 0.5, schedule: .constant, average: 0.995)
        public var discriminator = Learner.Settings(
            optimiser: .adam, lr: 2e-4, beta1: 0.5, schedule: .constant)
        /// Pictures by which the distance to real ones is measured.
        public var measured = 1000
        public var examples = 6000
    }

    public static let name = "dcgan"
    public static let summary = "pictures by two convolutional networks against each other"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1500, batch: 64)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: DataPlace?, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(data, plan, sidesMultipleOf: 32, on: device) {
            .glyphs(settings.examples, seed: plan.seed, on: device)
        }
        return try DCGANTrainee(settings, plan, feed, on: device)
    }
}

private final class DCGANTrainee: Trainee {
    private let feed: PictureFeed
    private let judge: PictureJudge
    private let networksOfGAN: (generator: DCGAN.Generator, discriminator: DCGAN.Discriminator)
    private var generator, discriminator: Learner
    private let settings: DCGANRecipe.Settings
    private let key: RandomKey
    private let device: Device

    init(
        _ settings: DCGANRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) throws {
        let configuration = DCGAN.Configuration(
            size: feed.training.height, pictureChannels: feed.training.channels,
            latent: settings.latent, channels: settings.channels)
        let key = RandomKey(seed: plan.seed)
        let stores = ["generator", "discriminator"].map {
            ParameterStore(key: key.folded($0), on: device)
        }
        networksOfGAN = (
            DCGAN.Generator(stores[0].scope, configuration),
            DCGAN.Discriminator(stores[1].scope, configuration)
        )
        generator = Learner("generator", stores[0], settings.generator, plan)
        discriminator = Learner("discriminator", stores[1], settings.discriminator, plan)
        judge = try PictureJudge(feed, count: settings.measured, on: device)
        (self.feed, self.settings, self.device) = (feed, settings, device)
        self.key = key.folded("noise")
    }

    var networks: [(name: String, store: ParameterStore)] {
        [("generator", generator.store), ("discriminator", discriminator.store)]
    }
    var work: (amount: Int, unit: String) { feed.work }

    private func noise(_ count: Int, _ key: inout RandomKey) -> Tensor {
        key.normal([count, settings.latent], on: device)
    }

    func step(_ step: Int) throws -> Figures {
        var key = key.folded(step)
        let batches = feed.batches(step)
        let (make, judge) = networksOfGAN
        let loss = discriminator.step(step, over: batches) { context, indices in
            let real = feed.pictures(indices) * 2 - 1
            let fake = noGrad { make(noise(indices.count, &key), context) }
            return judge(real, context).nonsaturatingDiscriminatorLoss(
                fake: judge(fake, context.folded(1)))
        }
        let fooling = discriminator.store.frozen {
            generator.step(step, over: batches) { context, indices in
                judge(make(noise(indices.count, &key), context), context)
                    .nonsaturatingGeneratorLoss()
            }
        }
        return ["discriminator": loss, "generator": fooling]
    }

    private func pictures(_ count: Int, seed: UInt64) -> Tensor {
        generator.whileAveraged {
            networksOfGAN.generator.pictures(count, latent: settings.latent, seed: seed, on: device)
        }
    }

    func evaluate() throws -> Figures {
        guard settings.measured > 0 else { return [:] }
        return try judge.figures(pictures(settings.measured, seed: 0))
    }

    func samples(_ request: SampleRequest) throws -> [Sample] {
        let made = pictures(request.count ?? 64, seed: request.seed)
        return [.pictures(feed.unframed(made), title: "samples", columns: 8)]
    }

    func save(to state: inout TrainingState) {
        generator.save(to: &state)
        discriminator.save(to: &state)
        judge.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try generator.restore(from: state)
        try discriminator.restore(from: state)
        try judge.restore(from: state)
    }
}
