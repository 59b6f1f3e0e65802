import Metrics
public import Networks
public import Tensors

/// Two networks against each other, whose loss tells how far apart made and real pictures are.
public enum WassersteinRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var channels = 32
        public var latent = 64
        /// Steps of the critic for one of the generator.
        public var criticSteps = 3
        public var penalty: Float = 10
        public var generator = Learner.Settings(
            optimiser: .adam, lr: 2e-4, beta1: 0, beta2: 0.9, schedule: .constant, average: 0.995)
        public var critic = Learner.Settings(
            optimiser: .adam, lr: 2e-4, beta1: 0, beta2: 0.9, schedule: .constant)
        public var measured = 1000
        public var examples = 6000
    }

    public static let name = "wgan-gp"
    public static let summary =
        "pictures by a critic that measures a distance, with gradient penalty"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1500, batch: 64)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: DataPlace?, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(data, plan, sidesMultipleOf: 8, on: device) {
            .glyphs(settings.examples, seed: plan.seed, on: device)
        }
        return try WassersteinTrainee(settings, plan, feed, on: device)
    }
}

private final class WassersteinTrainee: Trainee {
    private let feed: PictureFeed
    private let judge: PictureJudge
    private let model: WassersteinGAN<PictureGenerator, PictureCritic>
    private var generator, critic: Learner
    private let settings: WassersteinRecipe.Settings
    private let key: RandomKey
    private let device: Device

    init(
        _ settings: WassersteinRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) throws {
        let configuration = PictureGANConfiguration(
            size: feed.training.height, pictureChannels: feed.training.channels,
            latent: settings.latent, channels: settings.channels)
        let key = RandomKey(seed: plan.seed)
        let stores = ["generator", "critic"].map {
            ParameterStore(key: key.folded($0), on: device)
        }
        model = WassersteinGAN(
            generator: PictureGenerator(stores[0].scope, configuration),
            critic: PictureCritic(stores[1].scope, configuration),
            penaltyWeight: settings.penalty)
        generator = Learner("generator", stores[0], settings.generator, plan)
        critic = Learner("critic", stores[1], settings.critic, plan)
        judge = try PictureJudge(feed, count: settings.measured, on: device)
        (self.feed, self.settings, self.device) = (feed, settings, device)
        self.key = key.folded("noise")
    }

    var networks: [(name: String, store: ParameterStore)] {
        [("generator", generator.store), ("critic", critic.store)]
    }
    var work: (amount: Int, unit: String) {
        (feed.work.amount * settings.criticSteps, feed.work.unit)
    }

    private func noise(_ count: Int, _ key: inout RandomKey) -> Tensor {
        key.normal([count, settings.latent], on: device)
    }

    func step(_ step: Int) throws -> Figures {
        var key = key.folded(step)
        var distance = 0.0
        for turn in 0..<settings.criticSteps {
            let batches = feed.batches(step * settings.criticSteps + turn)
            distance = critic.step(step, over: batches) { context, indices in
                let alpha = key.uniform([indices.count], low: 0, high: 1, on: device)
                return model.criticLoss(
                    feed.pictures(indices) * 2 - 1, z: noise(indices.count, &key), alpha: alpha,
                    context
                ).total
            }
        }
        let fooling = critic.store.frozen {
            generator.step(step, over: feed.batches(step)) { context, indices in
                model.generatorLoss(z: noise(indices.count, &key), context)
            }
        }
        return ["critic": distance, "generator": fooling]
    }

    private func pictures(_ count: Int, seed: UInt64) -> Tensor {
        generator.whileAveraged {
            model.generator.pictures(count, latent: settings.latent, seed: seed, on: device)
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
        critic.save(to: &state)
        judge.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try generator.restore(from: state)
        try critic.restore(from: state)
        try judge.restore(from: state)
    }
}
