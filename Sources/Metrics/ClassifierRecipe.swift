public import Networks
public import Tensors

/// Learns what pictures show; other recipes measure with its features.
public enum ClassifierRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var model = Classifier.Configuration()
        public var learner = Learner.Settings(weightDecay: 1e-4, warmup: 50)
        /// Pictures of the made-up set.
        public var examples = 12000
        public var pictures = PictureFeed.Settings()
    }

    public static let name = "classifier"
    public static let summary = "what a picture shows; its features serve FID and its kin"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1000, batch: 64)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let feed = try PictureFeed(
            data, plan, settings.pictures, on: device,
            otherwise: .digits(settings.examples))
        return ClassifierTrainee(settings, plan, feed, on: device)
    }
}

private final class ClassifierTrainee: SingleTrainee {
    private let feed: PictureFeed
    private let model: Classifier
    private var kept: KeptPictures
    var learner: Learner

    init(
        _ settings: ClassifierRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        model = Classifier(store.scope, settings.model.fitted(to: feed.facts))
        learner = Learner("model", store, settings.learner, plan)
        (self.feed, kept) = (feed, KeptPictures(feed, count: 64))
    }

    var work: (amount: Int, unit: String) { feed.work }
    var notes: [RunNote] { [feed.note] }

    func step(_ step: Int) throws -> Figures {
        let loss = learner.step(step, over: try feed.batches(step)) { context, batch in
            model(batch.pictures, context).crossEntropy(batch.labels)
        }
        return ["loss": loss]
    }

    func evaluate() throws -> Figures {
        try learner.whileAveraged {
            try feed.testMean { set in
                let logits = model(set.values)
                let hits = logits.argmax(axis: -1).equal(set.labels).cast(to: .f32)
                return [("loss", logits.crossEntropy(set.labels)), ("accuracy", hits.mean())]
            }
        }
    }

    /// The test pictures that it gets wrong, with what it takes them for.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        let test = try request.readsData ? feed.test(2000) : kept.set
        let batch = test.all
        let guesses = learner.whileAveraged {
            model(batch.pictures).argmax(axis: -1).scalars(as: Int32.self)
        }
        let labels = batch.labels.scalars(as: Int32.self)
        let wrong = labels.indices.filter { labels[$0] != guesses[$0] }.prefix(
            request.count ?? 64)
        guard !wrong.isEmpty else {
            return [.text("none of \(labels.count) test pictures is wrong")]
        }
        let lines = wrong.map { i in
            "\(test.classes[Int(labels[i])]) taken for \(test.classes[Int(guesses[i])])"
        }
        return [
            .pictures(
                batch.pictures.selecting(Tensor(wrong.map { Int32($0) }, on: batch.labels.device)),
                title: "mistakes", columns: 8),
            .text(lines.joined(separator: "\n")),
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

extension Classifier.Configuration {
    /// For given pictures, without their frame, and their classes.
    func fitted(to facts: PictureFeed.Facts) -> Classifier.Configuration {
        var fitted = self
        (fitted.height, fitted.width) = (facts.innerHeight, facts.innerWidth)
        (fitted.channels, fitted.classes) = (facts.channels, facts.classes.count)
        return fitted
    }
}
