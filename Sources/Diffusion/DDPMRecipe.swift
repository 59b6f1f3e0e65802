import Files
import Metrics
public import Networks
public import Tensors

/// Learns to take noise away from pictures, and so to make pictures from noise.
public enum DDPMRecipe: Recipe {
    public struct Settings: Codable, Sendable {
        public var channels = 32
        /// Of each size, the full one first; each next size is half of the one before.
        public var multipliers = [1, 2, 2]
        public var blocks = 1
        /// The sizes that have attention, counted from 0.
        public var attention = [2]
        public var dropout: Float = 0
        /// Whether it learns the classes, and may be asked for one.
        public var conditional = true
        /// How often the class is hidden in training, so that guidance knows what none looks like.
        public var hidden: Float = 0.1
        /// What the network says: "epsilon", "sample" or "v_prediction".
        public var prediction = "epsilon"
        /// "linear", "squaredcos_cap_v2", "scaled_linear", "sigmoid".
        public var schedule = "squaredcos_cap_v2"
        public var timesteps = 1000
        /// ddpm, ddim, pndm, dpm++, sde-dpm++, euler, euler-ancestral, heun, unipc or lcm, and its steps.
        public var sampler = "ddim"
        public var samplerSteps = 30
        /// How its steps lie among the timesteps: "leading", "linspace", "trailing", or "own", the sampler's.
        public var spacing = "own"
        /// dpm++, sde-dpm++, euler, heun, unipc: how their noise levels lie: "karras", "exponential", "log-snr", or "own", those of
        /// the timesteps.
        public var levels = "own"
        /// ddim: 0 draws no noise on the way, 1 as much as ddpm.
        public var eta = 0.0
        /// ddpm, ddim: whether guesses at the picture are kept within black and white.
        public var clips = true
        /// ddim: whether the noise is what remains beside the kept guess.
        public var rederives = true
        /// How far samples are pushed towards their class; 1: not.
        public var guidance: Float = 1.5
        /// The one class to sample; -1: all in turn.
        public var label = -1
        public var learner = Learner.Settings(
            lr: 5e-4, weightDecay: 0, schedule: .cosine, warmup: 50, clip: 1, average: 0.995)
        /// Pictures by which an evaluation measures the distance to real ones; 0: only the loss.
        public var measured = 0
        public var examples = 6000
        public var pictures = PictureFeed.Settings()
    }

    public static let name = "ddpm"
    public static let summary = "pictures from noise by a U-Net; classes and guidance; any sampler"
    public static let settings = Settings()
    public static let plan = TrainingPlan(steps: 1500, batch: 32)

    public static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee {
        let halvings = max(0, settings.multipliers.count - 1)
        let feed = try PictureFeed(
            data, plan, settings.pictures, sidesMultipleOf: 1 << halvings, on: device,
            otherwise: .shapes(settings.examples))
        if let problem = settings.problem(for: feed.facts) {
            throw FileError("settings", problem)
        }
        return try DDPMTrainee(settings, plan, feed, on: device)
    }
}

private final class DDPMTrainee: Trainee {
    private let feed: PictureFeed
    private let judge: PictureJudge
    private let model: UNet
    private var learner: Learner
    private let settings: DDPMRecipe.Settings
    private let diffusion: DiffusionTask
    private let key: RandomKey
    private let device: Device

    init(
        _ settings: DDPMRecipe.Settings, _ plan: TrainingPlan, _ feed: PictureFeed,
        on device: Device
    ) throws {
        let store = ParameterStore(seed: plan.seed, on: device)
        model = UNet(store.scope, settings.network(for: feed.facts))
        learner = Learner("model", store, settings.learner, plan)
        diffusion = try DiffusionTask(settings, on: device)
        judge = PictureJudge(feed, count: max(1, settings.measured), on: device)
        (self.feed, self.settings, self.device) = (feed, settings, device)
        key = RandomKey(seed: plan.seed).folded("noise")
    }

    var networks: [(name: String, store: ParameterStore)] { [("model", learner.store)] }
    var notes: [RunNote] { [feed.note] }
    var work: (amount: Int, unit: String) { feed.work }

    /// The mean squared error of what the network says about pictures at random times.
    private func loss(
        _ batch: PictureFeed.Batch, _ key: inout RandomKey, hiding share: Float,
        _ context: Context
    ) -> Tensor {
        let x0 = batch.pictures * 2 - 1
        let n = x0.shape[0]
        let t = floor(
            key.uniform([n], low: 0, high: Float(settings.timesteps), on: device)
        ).clamped(max: Float(settings.timesteps - 1)).cast(to: .i32)
        let noise = key.normal(x0.shape, on: device)
        let hides = key.uniform([n], low: 0, high: 1, on: device).less(share)
        let labels = batch.labels.cast(to: .f32).masked(
            hides, with: Float(feed.facts.classes.count)
        ).cast(to: .i32)
        let (input, target) = diffusion.example(x0, noise, at: t)
        return model(input, at: t.cast(to: .f32), labels: labels, context).mseLoss(target)
    }

    func step(_ step: Int) throws -> Figures {
        var key = key.folded(step)
        let loss = learner.step(step, over: try feed.batches(step)) { context, batch in
            self.loss(batch, &key, hiding: settings.hidden, context)
        }
        return ["loss": loss]
    }

    func evaluate() throws -> Figures {
        var key = RandomKey(seed: 0).folded("evaluation")
        var figures = try learner.whileAveraged {
            try feed.testMean(limit: 500) { set in
                [("loss", loss(set.all, &key, hiding: 0, .evaluation))]
            }
        }
        guard settings.measured > 0 else { return figures }
        let made = try pictures(settings.measured, seed: 0)
        for (name, value) in try judge.figures(made).entries { figures.append(name, value) }
        return figures
    }

    // MARK: sampling

    private func pictures(_ count: Int, seed: UInt64) throws -> Tensor {
        var key = RandomKey(seed: seed)
        let parts = try stride(from: 0, to: count, by: 64).map { start in
            try sampled(start..<min(start + 64, count), &key)
        }
        return (Tensor.concatenated(parts).clamped(min: -1, max: 1) + 1) * 0.5
    }

    private func sampled(_ range: Range<Int>, _ key: inout RandomKey) throws -> Tensor {
        let classes = feed.facts.classes.count
        let wanted = range.map { Int32(settings.label < 0 ? $0 % classes : settings.label) }
        let labels = Tensor(wanted, shape: [wanted.count], on: device)
        let none = Tensor(
            [Int32](repeating: Int32(classes), count: wanted.count), shape: [wanted.count],
            on: device)
        var sampler = try diffusion.sampler()
        let shape = [
            range.count, feed.facts.height, feed.facts.width, feed.facts.channels,
        ]
        return learner.whileAveraged {
            sampler.sample(shape, key: &key, on: device) { x, time in
                let t = Tensor.full([range.count], Float(time), on: device)
                guard settings.conditional else { return model(x, at: t) }
                let asked = model(x, at: t, labels: labels)
                guard settings.guidance != 1 else { return asked }
                let free = model(x, at: t, labels: none)
                return free + (asked - free) * settings.guidance
            }
        }
    }

    func samples(_ request: SampleRequest) throws -> [Sample] {
        let columns = settings.label < 0 ? max(4, feed.facts.classes.count) : 8
        let count = columns * max(1, (request.count ?? 64) / columns)
        return [
            .pictures(
                try pictures(count, seed: request.seed), title: "samples", columns: columns)
        ]
    }

    func save(to state: inout TrainingState) {
        learner.save(to: &state)
        judge.save(to: &state)
    }

    func restore(from state: TrainingState) throws {
        try learner.restore(from: state)
        try judge.restore(from: state)
    }
}

extension DDPMRecipe.Settings {
    /// Why no network can be made so, if none can.
    fileprivate func problem(for facts: PictureFeed.Facts) -> String? {
        if channels < 8 || channels % 8 != 0 { return "channels is \(channels), no multiple of 8" }
        if multipliers.isEmpty || multipliers.contains(where: { $0 < 1 }) {
            return "multipliers is \(multipliers), but must be numbers above 0"
        }
        if blocks < 1 || timesteps < 2 || samplerSteps < 1 || samplerSteps > timesteps {
            return "blocks, timesteps or samplerSteps is out of range"
        }
        let classes = facts.classes.count
        return label < classes ? nil : "label is \(label), but there are \(classes) classes from 0"
    }

    fileprivate func network(for facts: PictureFeed.Facts) -> UNet.Configuration {
        var c = UNet.Configuration()
        (c.pictureChannels, c.channels, c.multipliers) = (facts.channels, channels, multipliers)
        (c.blocks, c.attention, c.dropout) = (blocks, attention, dropout)
        c.groups = 8
        c.classes = conditional ? facts.classes.count : nil
        return c
    }
}

/// What the network is trained to say, and the sampler that listens to it.
private struct DiffusionTask {
    private static let names = [
        "ddpm": "DDPMScheduler", "ddim": "DDIMScheduler", "pndm": "PNDMScheduler",
        "dpm++": "DPMSolverMultistepScheduler", "sde-dpm++": "DPMSolverMultistepScheduler",
        "euler": "EulerDiscreteScheduler",
        "euler-ancestral": "EulerAncestralDiscreteScheduler", "heun": "HeunDiscreteScheduler",
        "unipc": "UniPCMultistepScheduler", "lcm": "LCMScheduler",
    ]

    private static let levels = [
        "karras": "use_karras_sigmas", "exponential": "use_exponential_sigmas",
        "log-snr": "use_lu_lambdas",
    ]

    private let configuration: SchedulerConfiguration
    private let table: NoiseTable
    private let prediction: Prediction
    private let request: SamplingRequest

    init(_ settings: DDPMRecipe.Settings, on device: Device) throws {
        guard let name = DiffusionTask.names[settings.sampler] else {
            let known = DiffusionTask.names.keys.sorted().joined(separator: ", ")
            throw FileError("sampler", "is \(settings.sampler), but must be one of \(known)")
        }
        var members: [JSON.Member] = [
            .init(key: "num_train_timesteps", value: .number(Double(settings.timesteps))),
            .init(key: "beta_schedule", value: .string(settings.schedule)),
            .init(key: "beta_start", value: .number(0.0001)),
            .init(key: "beta_end", value: .number(0.02)),
            .init(key: "prediction_type", value: .string(settings.prediction)),
        ]
        if settings.spacing != "own" {
            members.append(.init(key: "timestep_spacing", value: .string(settings.spacing)))
        }
        if settings.sampler == "sde-dpm++" {
            members.append(.init(key: "algorithm_type", value: .string("sde-dpmsolver++")))
        }
        if settings.levels != "own" {
            guard let key = DiffusionTask.levels[settings.levels] else {
                let known = DiffusionTask.levels.keys.sorted().joined(separator: ", ")
                throw FileError("levels", "is \(settings.levels), but must be own, \(known)")
            }
            members.append(.init(key: key, value: .bool(true)))
        }
        if !settings.clips { members.append(.init(key: "clip_sample", value: .bool(false))) }
        configuration = SchedulerConfiguration(.object(members), name: name, path: "settings")
        let process = try configuration.process()
        table = NoiseTable(process.schedule, on: device)
        prediction = process.prediction
        var request = SamplingRequest(steps: settings.samplerSteps)
        (request.eta, request.rederivesNoise) = (settings.eta, settings.rederives)
        self.request = request
        _ = try sampler()
    }

    func sampler() throws -> any Sampler {
        try configuration.sampler(request)
    }

    /// The network's input at times t (N), and what it is to say.
    func example(_ x0: Tensor, _ noise: Tensor, at t: Tensor) -> (input: Tensor, target: Tensor) {
        (table.noised(x0, noise, at: t), table.target(prediction, x0, noise, at: t))
    }
}
