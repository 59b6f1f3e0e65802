public import Networks
public import Tensors

/// Learns a smooth space of codes from which new pictures can be drawn.
public enum VAERecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var hidden = [512, 256]
        /// Convolutions instead: the channels of each stage, which halves the sides; empty: none.
        public var stages: [Int] = []
        public var latent = 32
        /// The weight of the code's divergence; above 1 its axes come apart (Higgins et al. 2017).
        public var beta: Float = 1
        public var learner = Learner.Settings(optimiser: .adam, lr: 1e-3, schedule: .constant)
        public var examples = 6000
        public var pictures = PictureFeed.Settings()
    }

    public static let name = "vae"
    public static let summary = "a space of codes to draw pictures from; β; interpolations"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 3000, batch: 128)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(
            data, plan, settings.pictures, sidesMultipleOf: 1 << settings.stages.count, on: device,
            otherwise: .digits(settings.examples))
        return VAETrainee(settings, plan, feed, on: device)
    }
}

private final class VAETrainee: SingleTrainee {
    private let feed: PictureFeed
    private let model: any GaussianAutoencoder
    /// Whether the model takes vectors.
    private let flattens: Bool
    private var kept: KeptPictures
    var learner: Learner
    private let key: RandomKey
    private let device: Device

    init(
        _ settings: VAERecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        flattens = settings.stages.isEmpty
        model =
            flattens
            ? VAE(
                store.scope,
                .init(
                    input: feed.facts.elements, hidden: settings.hidden, latent: settings.latent,
                    beta: settings.beta))
            : ConvolutionalVAE(
                store.scope, PictureCoding(feed.facts, settings.stages), latent: settings.latent,
                beta: settings.beta)
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, kept, self.device) = (feed, KeptPictures(feed, count: 12), device)
        key = RandomKey(seed: plan.seed).folded("noise")
    }

    var work: (amount: Int, unit: String) { feed.work }
    var notes: [RunNote] { [feed.note] }

    private func shaped(_ pictures: Tensor) -> Tensor {
        flattens ? pictures.flattened(1) : pictures
    }

    private func bound(_ x: Tensor, _ key: inout RandomKey, _ context: Context = .evaluation)
        -> EvidenceBound
    {
        let noise = key.normal([x.shape[0], model.latent], on: x.device)
        return model.loss(shaped(x), noise: noise, context)
    }

    func step(_ step: Int) throws -> Figures {
        var key = key.folded(step)
        let loss = learner.step(step, over: try feed.batches(step)) { context, batch in
            bound(batch.pictures, &key, context).total
        }
        return ["loss": loss]
    }

    /// The negative evidence bound in nats a picture, and its parts.
    func evaluate() throws -> Figures {
        var key = RandomKey(seed: 0).folded("evaluation")
        return try learner.whileAveraged {
            try feed.testMean { batch in
                let bound = bound(batch.values, &key)
                return [
                    ("elbo", bound.reconstruction + bound.divergence),
                    ("reconstruction", bound.reconstruction), ("divergence", bound.divergence),
                ]
            }
        }
    }

    /// Pictures from random codes, and ways between test pictures.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        var key = RandomKey(seed: request.seed)
        let ends = try kept.values
        return learner.whileAveraged {
            let z = key.normal([request.count ?? 64, model.latent], on: device)
            let codes = model.encode(shaped(ends), .evaluation).mean
            return [
                .pictures(pictures(z), title: "samples", columns: 8),
                .pictures(
                    pictures(VAETrainee.ways(codes, steps: 12)), title: "interpolations",
                    columns: 12
                ),
            ]
        }
    }

    private func pictures(_ z: Tensor) -> Tensor {
        model.decode(z, .evaluation).cast(to: .f32).sigmoid().reshaped(
            [z.shape[0], feed.facts.height, feed.facts.width, feed.facts.channels])
    }

    func save(to state: inout TrainingState) {
        learner.save(to: &state)
        kept.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try learner.restore(from: state)
        kept.restore(from: state)
    }

    /// From each code (N, D) to the one half the list further on: (N / 2 · steps, D).
    private static func ways(_ codes: Tensor, steps: Int) -> Tensor {
        let half = codes.shape[0] / 2
        let shares = Tensor.arange(steps, dtype: .f32, on: codes.device) * (1 / Float(steps - 1))
        let share = shares.reshaped([1, steps, 1])
        let from = codes.narrowed(0, start: 0, count: half).expandingAxis(1)
        let to = codes.narrowed(0, start: half, count: half).expandingAxis(1)
        return (from + (to - from) * share).reshaped([half * steps, codes.shape[1]])
    }
}
