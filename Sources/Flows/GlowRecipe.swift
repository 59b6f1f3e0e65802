public import Networks
public import Tensors

/// Learns pictures' likelihood exactly, and draws from it.
public enum GlowRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var scales = 2
        public var steps = 6
        public var hidden = 64
        /// Pictures lose all but so many bits a channel.
        public var bits = 5
        /// The deviation of the noise that samples are drawn from.
        public var temperature: Float = 0.7
        public var learner = Learner.Settings(
            optimiser: .adam, lr: 1e-3, schedule: .cosine, warmup: 50, clip: 50)
        public var examples = 6000
        public var pictures = PictureFeed.Settings()
    }

    public static let name = "glow"
    public static let summary = "pictures by an invertible network: exact bits per dimension"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1500, batch: 32)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(
            data, plan, settings.pictures, sidesMultipleOf: 1 << settings.scales, on: device,
            otherwise: .digits(settings.examples))
        return GlowTrainee(settings, plan, feed, on: device)
    }
}

private final class GlowTrainee: SingleTrainee {
    private let feed: PictureFeed
    private let model: Glow
    var learner: Learner
    private let settings: GlowRecipe.Settings
    private let key: RandomKey
    private let device: Device

    init(
        _ settings: GlowRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        model = Glow(
            store.scope,
            .init(
                channels: feed.facts.channels, scales: settings.scales, steps: settings.steps,
                hidden: settings.hidden))
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, self.settings, self.device) = (feed, settings, device)
        key = RandomKey(seed: plan.seed).folded("noise")
    }

    var work: (amount: Int, unit: String) { feed.work }
    var notes: [RunNote] { [feed.note] }

    /// Values in 0 ... 1 as levels with uniform noise below a level, -0.5 ..< 0.5: a density then bounds a probability.
    private func levels(_ x: Tensor, _ key: inout RandomKey) -> Tensor {
        let count = Float(1 << settings.bits)
        let level = floor(x * 255 * (count / 256))
        return (level + key.uniform(x.shape, low: 0, high: 1, on: x.device)) * (1 / count) - 0.5
    }

    /// Bits a dimension from nats a dimension.
    private func bits(_ nats: Double) -> Double {
        nats / 0.693_147_180_559_945_3 + Double(settings.bits)
    }

    func step(_ step: Int) throws -> Figures {
        let batches = try feed.batches(step)
        if step == 0 {
            var first = key.folded(-1)
            model.start(at: levels(batches[0].pictures, &first))
        }
        var key = key.folded(step)
        let nats = learner.step(step, over: batches) { context, batch in
            model.nats(perElementOf: levels(batch.pictures, &key), context)
        }
        return ["bits/dim": bits(nats)]
    }

    func evaluate() throws -> Figures {
        var key = RandomKey(seed: 0).folded("evaluation")
        var worst = 0.0
        let nats = try learner.whileAveraged {
            try feed.testMean(limit: 1000) { batch in
                let x = levels(batch.values, &key)
                let back = model.inverse(model.forward(x).z)
                worst = max(worst, Double((back - x).norm(.infinity).item()))
                return [("nats", model.nats(perElementOf: x))]
            }
        }
        return ["bits/dim": bits(nats["nats"] ?? .nan), "inversion error": worst]
    }

    func samples(_ request: SampleRequest) throws -> [Sample] {
        var key = RandomKey(seed: request.seed)
        let facts = feed.facts
        let length = facts.height * facts.width * facts.channels
        let z = key.normal(
            [request.count ?? 64, length], deviation: settings.temperature, on: device)
        let x = learner.whileAveraged { model.inverse(z) }
        let shape = [request.count ?? 64, facts.height, facts.width, facts.channels]
        return [
            .pictures(
                (x.reshaped(shape) + 0.5).clamped(min: 0, max: 1), title: "samples", columns: 8)
        ]
    }
}
