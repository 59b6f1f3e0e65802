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
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let points = try PlanePoints(data, otherwise: settings.density, seed: plan.seed)
        return GANTrainee(settings, plan, points, on: device)
    }
}

private final class GANTrainee: Trainee {
    private var points: PlanePoints
    private let plan: TrainingPlan
    private let model: (generator: VectorGenerator, critic: VectorCritic)
    private var players: Players
    private let device: Device

    init(
        _ settings: GANRecipe.Settings, _ plan: TrainingPlan, _ points: PlanePoints,
        on device: Device
    ) {
        (model, players) = Players.playing(
            plan, latent: settings.latent, generator: settings.generator, "discriminator",
            settings.discriminator, on: device
        ) {
            (
                VectorGenerator($0, widths: [settings.latent] + settings.hidden + [2]),
                VectorCritic($1, widths: [2] + settings.hidden)
            )
        }
        (self.points, self.plan, self.device) = (points, plan, device)
    }

    var networks: [(name: String, store: ParameterStore)] { players.networks }
    var work: (amount: Int, unit: String) { (plan.batch * plan.accumulate, "points") }

    func step(_ step: Int) throws -> Figures {
        let noise = players.noise
        var key = noise.key(step)
        let (make, judge) = model
        let batches = plan.numbers(step)
        let loss = try players.judge.step(step, over: batches) { context, number in
            let real = judge(
                try points.batch(plan.batch, number: number, on: device), context)
            let z = noise(plan.batch, &key)
            let fake = noGrad { make(z, context) }
            return real.nonsaturatingDiscriminatorLoss(fake: judge(fake, context))
        }
        let fooling = players.judge.store.frozen {
            players.generator.step(step, over: batches) { context, _ in
                judge(make(noise(plan.batch, &key), context), context)
                    .nonsaturatingGeneratorLoss()
            }
        }
        return ["discriminator": loss, "generator": fooling]
    }

    private func made(_ count: Int, seed: UInt64) -> Tensor {
        var key = RandomKey(seed: seed)
        return players.generator.whileAveraged {
            model.generator(players.noise(count, &key)).cast(to: .f32)
        }
    }

    /// The share of real points that no made point comes near, which is what the game has lost, and its parts.
    func evaluate() throws -> Figures {
        let (real, fake) = (try points.others(2000, on: device), made(2000, seed: 0))
        let (precision, recall) = FeatureDistance.precisionAndRecall(
            real: real, generated: fake)
        return ["lost": 1 - recall, "precision": precision, "recall": recall]
    }

    func samples(_ request: SampleRequest) throws -> [Sample] {
        let count = max(request.count ?? 64, 4000)
        return [try points.compared(with: made(count, seed: request.seed))]
    }

    func save(to state: inout TrainingState) {
        players.save(to: &state)
        points.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try players.restore(from: state)
        points.restore(from: state)
    }
}
