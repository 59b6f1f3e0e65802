import Metrics
public import Networks
public import Tensors

/// The plain game of two networks (Goodfellow et al. 2014) in the plane, where one sees what it loses: modes.
public enum GANRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var density = PlaneDensity.grid
        public var latent = 16
        public var hidden = [128, 128]
        public var generator = Learner.Settings(
            optimiser: .adam, lr: 1e-3, beta1: 0.5, schedule: .constant)
        public var discriminator = Learner.Settings(
            optimiser: .adam, lr: 1e-3, beta1: 0.5, schedule: .constant)
    }

    public static let name = "gan"
    public static let summary = "the plain game in the plane; lost modes are counted and shown"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 3000, batch: 256)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: DataPlace?, on device: Device
    ) throws -> any Trainee {
        let points = try data.map { try PlanePoints(reading: $0.path) }
        return GANTrainee(
            settings, plan, points ?? PlanePoints(settings.density, plan.seed), on: device)
    }
}

private final class GANTrainee: Trainee {
    private let points: PlanePoints
    private let plan: TrainingPlan
    private let make: VectorGenerator
    private let judge: VectorCritic
    private var generator, discriminator: Learner
    private let settings: GANRecipe.Settings
    private let key: RandomKey
    private let device: Device

    init(
        _ settings: GANRecipe.Settings, _ plan: TrainingPlan, _ points: PlanePoints,
        on device: Device
    ) {
        let key = RandomKey(seed: plan.seed)
        let stores = ["generator", "discriminator"].map {
            ParameterStore(key: key.folded($0), on: device)
        }
        make = VectorGenerator(stores[0].scope, widths: [settings.latent] + settings.hidden + [2])
        judge = VectorCritic(stores[1].scope, widths: [2] + settings.hidden)
        generator = Learner("generator", stores[0], settings.generator, plan)
        discriminator = Learner("discriminator", stores[1], settings.discriminator, plan)
        (self.points, self.plan, self.settings) = (points, plan, settings)
        (self.key, self.device) = (key.folded("noise"), device)
    }

    var networks: [(name: String, store: ParameterStore)] {
        [("generator", generator.store), ("discriminator", discriminator.store)]
    }
    var work: (amount: Int, unit: String) { (plan.batch * plan.accumulate, "points") }

    func step(_ step: Int) throws -> Figures {
        var key = key.folded(step)
        func noise() -> Tensor { key.normal([plan.batch, settings.latent], on: device) }
        let batches = (0..<plan.accumulate).map { step * plan.accumulate + $0 }
        let loss = discriminator.step(step, over: batches) { context, number in
            let real = judge(points.batch(plan.batch, number: number, on: device), context)
            let fake = noGrad { make(noise(), context) }
            return real.nonsaturatingDiscriminatorLoss(fake: judge(fake, context))
        }
        let fooling = discriminator.store.frozen {
            generator.step(step, over: batches) { context, _ in
                judge(make(noise(), context), context).nonsaturatingGeneratorLoss()
            }
        }
        return ["discriminator": loss, "generator": fooling]
    }

    private func made(_ count: Int, seed: UInt64) -> Tensor {
        var key = RandomKey(seed: seed)
        return generator.whileAveraged {
            make(key.normal([count, settings.latent], on: device)).cast(to: .f32)
        }
    }

    /// The share of real points that no made point comes near, which is what the game has lost, and its parts.
    func evaluate() throws -> Figures {
        let (real, fake) = (points.others(2000, on: device), made(2000, seed: 0))
        let (precision, recall) = FeatureDistance.precisionAndRecall(
            real: real, generated: fake)
        return ["lost": 1 - recall, "precision": precision, "recall": recall]
    }

    func samples(_ request: SampleRequest) throws -> [Sample] {
        let count = max(request.count ?? 64, 4000)
        let both = [points.others(count, on: device), made(count, seed: request.seed)]
        return [
            .pictures(
                Tensor.stacked(both.map { PlanePicture($0.scalars()).tensor }),
                title: "real and made", columns: 2)
        ]
    }

    func save(to state: inout TrainingState) {
        generator.save(to: &state)
        discriminator.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try generator.restore(from: state)
        try discriminator.restore(from: state)
    }
}
