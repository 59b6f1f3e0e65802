import Files
import Metrics
import Networks
import Tensors

/// Two networks against each other, each with its learner: one makes something of noise, the other judges it.
struct Players {
    var generator, judge: Learner
    /// Not a part of the learners, so that it can be asked while one of them is in a step.
    let noise: NoiseSource
    private let names: (generator: String, judge: String)

    /// - Parameter build: makes the model of both networks.
    static func playing<Model>(
        _ plan: TrainingPlan, latent: Int, generator: Learner.Settings,
        _ name: String, _ judge: Learner.Settings, on device: Device,
        build: (_ generator: ParameterScope, _ judge: ParameterScope) -> Model
    ) -> (Model, Players) {
        let key = RandomKey(seed: plan.seed)
        let stores = ["generator", name].map { ParameterStore(key: key.folded($0), on: device) }
        let model = build(stores[0].scope, stores[1].scope)
        let players = Players(
            generator: Learner("generator", stores[0], generator, plan),
            judge: Learner(name, stores[1], judge, plan),
            noise: NoiseSource(latent: latent, key: key.folded("noise"), device: device),
            names: ("generator", name))
        return (model, players)
    }

    var networks: [(name: String, store: ParameterStore)] {
        [(names.generator, generator.store), (names.judge, judge.store)]
    }

    func save(to state: inout TrainingState) {
        generator.save(to: &state)
        judge.save(to: &state)
    }

    mutating func restore(from state: TrainingState) throws {
        try generator.restore(from: state)
        try judge.restore(from: state)
    }
}

/// What the generator makes its samples of.
struct NoiseSource {
    /// Numbers of a sample's noise.
    let latent: Int
    fileprivate let key: RandomKey
    fileprivate let device: Device

    /// The source of a step's random numbers.
    func key(_ step: Int) -> RandomKey { key.folded(step) }

    /// (count, latent)
    func callAsFunction(_ count: Int, _ key: inout RandomKey) -> Tensor {
        key.normal([count, latent], on: device)
    }
}

/// A game whose one player makes pictures, which are measured against real ones.
protocol PictureGame: Trainee {
    var feed: PictureFeed { get }
    var measure: PictureJudge { get }
    /// Pictures by which an evaluation measures.
    var measured: Int { get }
    var players: Players { get set }
    /// What the generator's learner trains.
    var maker: any NoiseDecoder { get }
}

extension PictureGame {
    var networks: [(name: String, store: ParameterStore)] { players.networks }
    var notes: [RunNote] { [feed.note] }

    private func pictures(_ count: Int, seed: UInt64) -> Tensor {
        players.generator.whileAveraged {
            maker.pictures(
                count, latent: players.noise.latent, seed: seed, on: players.generator.store.device)
        }
    }

    func evaluate() throws -> Figures {
        guard measured > 0 else { return [:] }
        return try measure.figures(pictures(measured, seed: 0))
    }

    func samples(_ request: SampleRequest) throws -> [Sample] {
        let made = pictures(request.count ?? 64, seed: request.seed)
        return [.pictures(feed.unframed(made), title: "samples", columns: 8)]
    }

    func save(to state: inout TrainingState) {
        players.save(to: &state)
        measure.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try players.restore(from: state)
        try measure.restore(from: state)
    }
}

extension PictureFeed {
    /// The side of the pictures, which must be square.
    func side(for recipe: String) throws(FileError) -> Int {
        guard facts.height == facts.width else {
            throw FileError(
                "the pictures",
                "are \(facts.height) × \(facts.width), but \(recipe) needs squares: "
                    + "--set pictures.side=32 cuts those of a folder")
        }
        return facts.height
    }
}
