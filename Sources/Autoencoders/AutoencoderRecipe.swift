public import Networks
public import Tensors

/// Learns a short code of pictures by making them again from it. Pictures unlike those it saw come back badly: the error
/// is a score of how odd one is.
public enum AutoencoderRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        /// Widths from the picture to the code; the first is what the pictures have.
        public var hidden = [512, 256]
        public var code = 128
        /// The deviation of noise that is added to the input and must be taken away again; 0: none.
        public var noise: Float = 0
        public var learner = Learner.Settings(optimiser: .adam, lr: 1e-3, schedule: .constant)
        /// Pictures of the made-up set.
        public var examples = 6000
    }

    public static let name = "autoencoder"
    public static let summary = "a short code of pictures and back; denoising; how odd a picture is"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 2000, batch: 128)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: DataPlace?, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(data, plan, on: device) {
            .glyphs(settings.examples, seed: plan.seed, on: device)
        }
        return AutoencoderTrainee(settings, plan, feed, on: device)
    }
}

private final class AutoencoderTrainee: Trainee {
    private let feed: PictureFeed
    private let model: Autoencoder
    private var learner: Learner
    private let noise: Float
    private let key: RandomKey

    init(
        _ settings: AutoencoderRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        let input = feed.training.height * feed.training.width * feed.training.channels
        model = Autoencoder(
            store.scope, .init(widths: [input] + settings.hidden + [settings.code]))
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, noise) = (feed, settings.noise)
        key = RandomKey(seed: plan.seed).folded("noise")
    }

    var networks: [(name: String, store: ParameterStore)] { [("model", learner.store)] }
    var work: (amount: Int, unit: String) { feed.work }

    func step(_ step: Int) throws -> Figures {
        var key = key.folded(step)
        let loss = learner.step(step, over: feed.batches(step)) { context, indices in
            let x = feed.pictures(indices).flattened(1)
            return model(noisy(x, &key), context).cast(to: .f32).mseLoss(x)
        }
        return ["loss": loss]
    }

    private func noisy(_ x: Tensor, _ key: inout RandomKey) -> Tensor {
        guard noise > 0 else { return x }
        return (x + key.normal(x.shape, deviation: noise, on: x.device)).clamped(min: 0, max: 1)
    }

    func evaluate() throws -> Figures {
        learner.whileAveraged {
            feed.testMean { batch in
                let x = batch.values.flattened(1)
                return [("mse", model(x).mseLoss(x))]
            }
        }
    }

    /// Test pictures above what comes back, and the oddest of them.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        let set = feed.test[0..<min(feed.test.count, max(500, request.count ?? 64))]
        let x = set.values
        var key = RandomKey(seed: request.seed)
        let input = noisy(x.flattened(1), &key)
        let y = model(input)
        let errors = (y - x.flattened(1)).squared().mean(axes: [1])
        let odd = errors.top(min(16, set.count), axis: 0).indices
        let count = min(16, set.count)
        let shape = [count] + x.shape.dropFirst()
        func first(_ t: Tensor) -> Tensor { t.narrowed(0, start: 0, count: count).reshaped(shape) }
        func oddest(_ t: Tensor) -> Tensor { t.selecting(odd).reshaped(shape) }
        return [
            .pictures(
                Tensor.concatenated([first(input), first(y)]), title: "reconstructions", columns: 16
            ),
            .pictures(
                Tensor.concatenated([oddest(input), oddest(y)]), title: "oddest", columns: 16),
        ]
    }

    func save(to state: inout TrainingState) { learner.save(to: &state) }
    func restore(from state: TrainingState) throws { try learner.restore(from: state) }
}
