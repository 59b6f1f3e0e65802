import Files
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
        public var pictures = PictureFeed.Settings()
    }

    public static let name = "dcgan"
    public static let summary = "pictures by two convolutional networks against each other"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1500, batch: 64)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(
            data, plan, settings.pictures, sidesMultipleOf: 32, on: device,
            otherwise: .digits(settings.examples))
        let side = try feed.side(for: name)
        guard side & (side - 1) == 0 else {
            throw FileError(
                "the pictures",
                "have a side of \(side), but dcgan needs 32, 64, 128, …: "
                    + "--set pictures.side=64 scales those of a folder")
        }
        return DCGANTrainee(settings, plan, feed, side, on: device)
    }
}

private final class DCGANTrainee: PictureGame {
    let feed: PictureFeed
    let measure: PictureJudge
    let measured: Int
    var players: Players
    private let model: (generator: DCGAN.Generator, discriminator: DCGAN.Discriminator)

    init(
        _ settings: DCGANRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed, _ side: Int,
        on device: Device
    ) {
        let configuration = DCGAN.Configuration(
            size: side, pictureChannels: feed.facts.channels, latent: settings.latent,
            channels: settings.channels)
        (model, players) = Players.playing(
            plan, latent: settings.latent, generator: settings.generator, "discriminator",
            settings.discriminator, on: device
        ) {
            (DCGAN.Generator($0, configuration), DCGAN.Discriminator($1, configuration))
        }
        measure = PictureJudge(feed, count: settings.measured, on: device)
        (self.feed, measured) = (feed, settings.measured)
    }

    var work: (amount: Int, unit: String) { feed.work }
    var maker: any NoiseDecoder { model.generator }

    func step(_ step: Int) throws -> Figures {
        let noise = players.noise
        var key = noise.key(step)
        let batches = try feed.batches(step)
        let (make, judge) = model
        let loss = players.judge.step(step, over: batches) { context, batch in
            let z = noise(batch.labels.count, &key)
            let real = batch.pictures * 2 - 1
            let fake = noGrad { make(z, context) }
            return judge(real, context).nonsaturatingDiscriminatorLoss(
                fake: judge(fake, context.folded(1)))
        }
        let fooling = players.judge.store.frozen {
            players.generator.step(step, over: batches) { context, batch in
                judge(make(noise(batch.labels.count, &key), context), context)
                    .nonsaturatingGeneratorLoss()
            }
        }
        return ["discriminator": loss, "generator": fooling]
    }
}
