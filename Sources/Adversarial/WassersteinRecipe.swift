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
        public var pictures = PictureFeed.Settings()
    }

    public static let name = "wgan-gp"
    public static let summary =
        "pictures by a critic that measures a distance, with gradient penalty"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1500, batch: 64)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(
            data, plan, settings.pictures, sidesMultipleOf: 8, on: device,
            otherwise: .digits(settings.examples))
        return try WassersteinTrainee(settings, plan, feed, on: device)
    }
}

private final class WassersteinTrainee: PictureGame {
    let feed: PictureFeed
    let measure: PictureJudge
    let measured: Int
    var players: Players
    private let model: WassersteinGAN<PictureGenerator, PictureCritic>
    private let plan: TrainingPlan
    /// Steps of the critic for one of the generator.
    private let turns: Int

    init(
        _ settings: WassersteinRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) throws {
        let configuration = PictureGANConfiguration(
            size: try feed.side(for: WassersteinRecipe.name),
            pictureChannels: feed.facts.channels, latent: settings.latent,
            channels: settings.channels)
        (model, players) = Players.playing(
            plan, latent: settings.latent, generator: settings.generator, "critic",
            settings.critic, on: device
        ) {
            WassersteinGAN(
                generator: PictureGenerator($0, configuration),
                critic: PictureCritic($1, configuration), penaltyWeight: settings.penalty)
        }
        measure = PictureJudge(feed, count: settings.measured, on: device)
        (self.feed, self.plan) = (feed, plan)
        (measured, turns) = (settings.measured, settings.criticSteps)
    }

    var work: (amount: Int, unit: String) { (feed.work.amount * turns, feed.work.unit) }
    var maker: any NoiseDecoder { model.generator }

    func step(_ step: Int) throws -> Figures {
        let noise = players.noise
        var key = noise.key(step)
        var distance = 0.0
        for turn in 0..<turns {
            let batches = try feed.batches(step * turns + turn)
            distance = players.judge.step(step, over: batches) { context, batch in
                let count = batch.labels.count
                let alpha = key.uniform([count], low: 0, high: 1, on: batch.pictures.device)
                return model.criticLoss(
                    batch.pictures * 2 - 1, z: noise(count, &key), alpha: alpha, context
                ).total
            }
        }
        let counts = [Int](repeating: plan.batch, count: plan.accumulate)
        let fooling = players.judge.store.frozen {
            players.generator.step(step, over: counts) { context, count in
                model.generatorLoss(z: noise(count, &key), context)
            }
        }
        return ["critic": distance, "generator": fooling]
    }
}
