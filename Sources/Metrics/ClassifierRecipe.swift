public import Networks
public import Tensors

/// Learns what pictures show; other recipes measure with its features.
public enum ClassifierRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var model = Classifier.Configuration()
        public var lr = 1e-3
        public var weightDecay = 1e-4
        /// Pictures of the made-up set.
        public var examples = 12000
    }

    public static let name = "classifier"
    public static let summary = "what a picture shows; its features serve FID and its kin"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1000, batch: 64)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: DataPlace?, on device: Device
    ) throws -> any Trainee {
        let sets = try PictureSet.load(data, on: device) {
            .glyphs(settings.examples, side: 28, seed: plan.seed, on: device)
        }
        return ClassifierTrainee(settings, plan, sets.training, sets.test, on: device)
    }
}

private final class ClassifierTrainee: Trainee {
    private let model: Classifier
    private let store: ParameterStore
    private var optimiser: Optimiser
    private let plan: TrainingPlan
    private let schedule: Schedule
    private let lr: Double
    private let training, test: PictureSet
    private let order: BatchOrder

    init(
        _ settings: ClassifierRecipe.Settings, _ plan: TrainingPlan, _ training: PictureSet,
        _ test: PictureSet, on device: Device
    ) {
        var configuration = settings.model
        (configuration.height, configuration.width) = (training.height, training.width)
        (configuration.channels, configuration.classes) = (
            training.channels, training.classes.count
        )
        store = ParameterStore(seed: plan.seed, on: device)
        model = Classifier(store.scope, configuration)
        optimiser = Optimiser(
            store.trainable, AdamW(weightDecay: settings.weightDecay), decay: .matrices)
        (self.plan, self.training, self.test, lr) = (plan, training, test, settings.lr)
        schedule = .cosine(warmup: plan.steps / 20, steps: plan.steps)
        order = BatchOrder(
            count: training.count, batch: plan.batch * plan.accumulate, seed: plan.seed)
    }

    var networks: [(name: String, store: ParameterStore)] { [("model", store)] }
    var work: (amount: Int, unit: String) { (plan.batch * plan.accumulate, "pictures") }

    func step(_ step: Int) throws -> Figures {
        let context = Context(
            training: RandomKey(seed: plan.seed).folded(step), precision: plan.precision)
        let batches = plan.batches(order.indices(step))
        let (loss, gradients) = store.meanAndGradients(over: batches) { i, indices in
            let batch = training.batch(indices)
            return model(batch.pictures, context.folded(i)).crossEntropy(batch.labels)
        }
        optimiser.step(gradients, lr: schedule(step, lr: lr))
        return ["loss": loss]
    }

    func evaluate() throws -> Figures {
        var (loss, right) = (0.0, 0.0)
        for start in stride(from: 0, to: test.count, by: 500) {
            let part = test[start..<min(start + 500, test.count)]
            let batch = part.batch((0..<Int32(part.count)).map { $0 })
            let logits = model(batch.pictures)
            loss += Double(logits.crossEntropy(batch.labels).item()) * Double(part.count)
            let hits = logits.argmax(axis: -1).equal(batch.labels).cast(to: .f32)
            right += Double(hits.sum().item())
        }
        return ["loss": loss / Double(test.count), "accuracy": right / Double(test.count)]
    }

    /// The test pictures that it gets wrong, with what it takes them for.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        let part = test[0..<min(test.count, 2000)]
        let batch = part.batch((0..<Int32(part.count)).map { $0 })
        let guesses = model(batch.pictures).argmax(axis: -1).scalars(as: Int32.self)
        let labels = batch.labels.scalars(as: Int32.self)
        let wrong = labels.indices.filter { labels[$0] != guesses[$0] }.prefix(
            request.count ?? 64)
        guard !wrong.isEmpty else { return [.text("none of \(part.count) test pictures is wrong")] }
        let lines = wrong.map { i in
            "\(test.classes[Int(labels[i])]) taken for \(test.classes[Int(guesses[i])])"
        }
        let pictures = part.batch(wrong.map { Int32($0) }).pictures
        return [
            .pictures(pictures, title: "mistakes", columns: 8),
            .text(lines.joined(separator: "\n")),
        ]
    }

    func save(to state: inout TrainingState) {
        state.add(store, "model")
        state.add(optimiser, "optimiser")
    }

    func restore(from state: TrainingState) throws {
        try state.restore(store, "model")
        try state.restore(&optimiser, "optimiser")
    }
}
