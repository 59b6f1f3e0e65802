public import Networks
public import Tensors

/// Learns a density in the plane exactly: every point's likelihood is known, and noise becomes points and back.
public enum RealNVPRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var density = PlaneDensity.moons
        public var couplings = 8
        public var hidden = 64
        public var learner = Learner.Settings(
            optimiser: .adam, lr: 1e-3, schedule: .cosine, clip: 5)
    }

    public static let name = "realnvp"
    public static let summary = "a density in the plane, with exact likelihoods"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 2000, batch: 256)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let points = try PlanePoints(data, otherwise: settings.density, seed: plan.seed)
        return RealNVPTrainee(settings, plan, points, on: device)
    }
}

private final class RealNVPTrainee: SingleTrainee {
    private var points: PlanePoints
    private let plan: TrainingPlan
    private let model: RealNVP
    var learner: Learner
    private let device: Device

    init(
        _ settings: RealNVPRecipe.Settings, _ plan: TrainingPlan, _ points: PlanePoints,
        on device: Device
    ) {
        let store = ParameterStore(seed: plan.seed, on: device)
        model = RealNVP(
            store.scope, .init(couplings: settings.couplings, hidden: settings.hidden))
        learner = Learner("model", store, settings.learner, plan)
        (self.points, self.plan, self.device) = (points, plan, device)
    }

    var work: (amount: Int, unit: String) { (plan.batch * plan.accumulate, "points") }

    func step(_ step: Int) throws -> Figures {
        let loss = try learner.step(step, over: plan.numbers(step)) { context, number in
            model.negativeLogLikelihood(
                try points.batch(plan.batch, number: number, on: device), context)
        }
        return ["loss": loss]
    }

    /// Nats and bits a dimension of other points, and how far inverse(forward(x)) is from x.
    func evaluate() throws -> Figures {
        let x = try points.others(4096, on: device)
        return learner.whileAveraged {
            let nats = Double(model.negativeLogLikelihood(x).item())
            let back = model.inverse(model.forward(x).z)
            return [
                "nats": nats, "bits/dim": nats / 2 / 0.693_147_180_559_945_3,
                "inversion error": Double((back - x).norm(.infinity).item()),
            ]
        }
    }

    /// Points from noise beside real ones.
    func samples(_ request: SampleRequest) throws -> [Sample] {
        var key = RandomKey(seed: request.seed)
        let count = max(request.count ?? 64, 4000)
        let made = learner.whileAveraged { model.inverse(key.normal([count, 2], on: device)) }
        return [try points.compared(with: made)]
    }

    func save(to state: inout TrainingState) {
        learner.save(to: &state)
        points.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try learner.restore(from: state)
        points.restore(from: state)
    }
}
