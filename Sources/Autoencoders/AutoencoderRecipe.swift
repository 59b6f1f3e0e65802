import Metrics
public import Networks
public import Tensors

/// Learns a short code of pictures by making them again from it. Pictures unlike those it saw come back badly: the error
/// is a score of how odd one is.
public enum AutoencoderRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        /// Widths from the picture to the code; the first is what the pictures have.
        public var hidden = [512, 256]
        public var code = 128
        /// Convolutions instead: the channels of each stage, which halves the sides; empty: none.
        public var stages: [Int] = []
        /// The deviation of noise that is added to the input and must be taken away again; 0: none.
        public var noise: Float = 0
        public var learner = Learner.Settings(optimiser: .adam, lr: 1e-3, schedule: .constant)
        /// Pictures of the made-up set.
        public var examples = 6000
        public var pictures = PictureFeed.Settings()
    }

    public static let name = "autoencoder"
    public static let summary = "a short code of pictures and back; denoising; how odd a picture is"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 2000, batch: 128)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(
            data, plan, settings.pictures, sidesMultipleOf: 1 << settings.stages.count, on: device,
            otherwise: .digits(settings.examples))
        return AutoencoderTrainee(settings, plan, feed, on: device)
    }
}

private final class AutoencoderTrainee: SingleTrainee {
    private let feed: PictureFeed
    private let model: any PictureAutoencoder
    /// Whether the model takes vectors.
    private let flattens: Bool
    private var kept: KeptPictures
    var learner: Learner
    private let noise: Float
    private let key: RandomKey

    init(
        _ settings: AutoencoderRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        let facts = feed.facts
        flattens = settings.stages.isEmpty
        model =
            flattens
            ? Autoencoder(
                store.scope, .init(widths: [facts.elements] + settings.hidden + [settings.code]))
            : ConvolutionalAutoencoder(
                store.scope, PictureCoding(facts, settings.stages), code: settings.code)
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, kept, noise) = (feed, KeptPictures(feed), settings.noise)
        key = RandomKey(seed: plan.seed).folded("noise")
    }

    var work: (amount: Int, unit: String) { feed.work }
    var notes: [RunNote] { [feed.note] }

    func step(_ step: Int) throws -> Figures {
        var key = key.folded(step)
        let loss = learner.step(step, over: try feed.batches(step)) { context, batch in
            let x = shaped(batch.pictures)
            return model(noisy(x, &key), context).cast(to: .f32).mseLoss(x)
        }
        return ["loss": loss]
    }

    private func noisy(_ x: Tensor, _ key: inout RandomKey) -> Tensor {
        guard noise > 0 else { return x }
        return (x + key.normal(x.shape, deviation: noise, on: x.device)).clamped(min: 0, max: 1)
    }

    private func shaped(_ pictures: Tensor) -> Tensor {
        flattens ? pictures.flattened(1) : pictures
    }

    /// What comes back of pictures (N, H, W, C) in f32.
    private func reconstructed(_ pictures: Tensor) -> Tensor {
        model(shaped(pictures)).cast(to: .f32).reshaped(pictures.shape)
    }

    /// The mean squared error of each picture: how odd it is.
    private static func oddness(_ x: Tensor, _ y: Tensor) -> Tensor {
        (y - x).squared().mean(axes: [1, 2, 3])
    }

    /// How well test pictures come back, and the score that only one in a hundred of them exceeds.
    func evaluate() throws -> Figures {
        try learner.whileAveraged {
            var scores: [Float] = []
            var figures = try feed.testMean { batch in
                let (x, y) = (batch.values, reconstructed(batch.values))
                let errors = AutoencoderTrainee.oddness(x, y)
                scores += errors.scalars()
                let quality = [("mse", errors.mean()), ("psnr", PictureQuality.psnr(x, y).mean())]
                guard PictureQuality.hasRoom(x) else { return quality }
                return quality + [("ssim", PictureQuality.ssim(x, y).mean())]
            }
            figures.append("odd above", Double(scores.sorted()[scores.count * 99 / 100]))
            return figures
        }
    }

    /// Test pictures above what comes back; and the oddest ones of many, if the data are read.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        var key = RandomKey(seed: request.seed)
        let input = noisy(try kept.values, &key)
        var samples = [shown(input, "reconstructions")]
        if request.readsData {
            let many = try feed.test(max(500, request.count ?? 64)).values
            samples.append(shown(oddest(many, noisy(many, &key)), "oddest"))
        }
        return samples
    }

    private func shown(_ input: Tensor, _ title: String) -> Sample {
        let y = learner.whileAveraged { reconstructed(input) }
        return .pictures(Tensor.concatenated([input, y]), title: title, columns: input.shape[0])
    }

    /// Those inputs for pictures x that come back worst.
    private func oddest(_ x: Tensor, _ input: Tensor) -> Tensor {
        let y = learner.whileAveraged { reconstructed(input) }
        let scores = AutoencoderTrainee.oddness(x, y)
        return input.selecting(scores.top(min(16, x.shape[0]), axis: 0).indices)
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

extension PictureFeed.Facts {
    /// Numbers of a picture.
    var elements: Int { height * width * channels }
}

extension PictureCoding {
    init(_ facts: PictureFeed.Facts, _ stages: [Int]) {
        self.init(
            height: facts.height, width: facts.width, channels: facts.channels, stages: stages)
    }
}
