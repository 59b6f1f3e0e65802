import Metrics
public import Networks
public import Tensors

/// Learns to write pictures in a small alphabet of codes.
public enum VQVAERecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var hidden = 64
        public var code = 16
        public var codes = 128
        public var commitment: Float = 0.25
        public var learner = Learner.Settings(optimiser: .adam, lr: 1e-3, schedule: .cosine)
        public var examples = 6000
        public var pictures = PictureFeed.Settings()
    }

    public static let name = "vqvae"
    public static let summary = "pictures written in a small alphabet of codes"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1500, batch: 64)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(
            data, plan, settings.pictures, sidesMultipleOf: 4, on: device,
            otherwise: .shapes(settings.examples))
        return VQVAETrainee(settings, plan, feed, on: device)
    }
}

private final class VQVAETrainee: SingleTrainee {
    private let feed: PictureFeed
    private let model: VQVAE
    private var kept: KeptPictures
    var learner: Learner

    init(
        _ settings: VQVAERecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        model = VQVAE(
            store.scope,
            .init(
                channels: feed.facts.channels, hidden: settings.hidden, code: settings.code,
                codes: settings.codes, commitment: settings.commitment))
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, kept) = (feed, KeptPictures(feed))
    }

    var work: (amount: Int, unit: String) { feed.work }
    var notes: [RunNote] { [feed.note] }

    func step(_ step: Int) throws -> Figures {
        let loss = learner.step(step, over: try feed.batches(step)) { context, batch in
            model.loss(batch.pictures, context).total
        }
        return ["loss": loss]
    }

    /// The reconstruction's error, and how many codes are in use: exp of the entropy of their shares.
    func evaluate() throws -> Figures {
        var shares = Tensor.zeros([model.configuration.codes], on: learner.store.device)
        var figures = try learner.whileAveraged {
            try feed.testMean { batch in
                let loss = model.loss(batch.values)
                shares += loss.indices.flattened().oneHot(model.configuration.codes).cast(to: .f32)
                    .sum(axes: [0])
                return [
                    ("mse", loss.reconstruction),
                    ("psnr", PictureQuality.psnr(batch.values, loss.pictures).mean()),
                ]
            }
        }
        let p = shares / shares.sum()
        figures.append("codes", Double(exp(-(p * log(p + 1e-10)).sum()).item()))
        return figures
    }

    /// Test pictures, each row followed by what comes back.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        let x = try kept.values
        let y = learner.whileAveraged {
            model.decode(model.codes(model.indices(model.encode(x))))
        }
        return [
            .pictures(
                Tensor.concatenated([x, y.clamped(min: 0, max: 1)]), title: "reconstructions",
                columns: x.shape[0])
        ]
    }

    func save(to state: inout TrainingState) {
        learner.save(to: &state)
        kept.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try learner.restore(from: state)
        kept.restore(from: state)
    }
}
