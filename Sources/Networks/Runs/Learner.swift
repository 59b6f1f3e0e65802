import Files
public import Tensors

/// A network's parameters with all that moves them: optimiser, schedule, clipping, average, loss scale. What most
/// trainees are made of.
///
///     let loss = learner.step(step, over: plan.batches(order.indices(step))) { context, batch in
///         model.loss(batch, context)
///     }
public struct Learner: Sendable {
    /// How it learns; part of a recipe's settings.
    public struct Settings: Sendable, Codable, Equatable {
        public enum Rule: String, Sendable, Codable {
            case sgd, adam, adamw, lion, rmsprop, adagrad, adafactor, muon
        }

        public enum Curve: String, Sendable, Codable { case constant, linear, cosine }

        public var optimiser = Rule.adamw
        public var lr = 1e-3
        public var beta1 = 0.9
        public var beta2 = 0.999
        /// Of matrices; vectors keep their weight.
        public var weightDecay = 0.0
        /// How the learning rate goes on after `warmup` steps, and the share of it that is left at the end.
        public var schedule = Curve.cosine
        public var warmup = 0
        public var floor = 0.0
        /// The largest norm of all gradients; 0: no limit.
        public var clip: Float = 0
        /// The decay of the average that samples and evaluations use; 0: none.
        public var average = 0.0

        public init(
            optimiser: Rule = .adamw, lr: Double = 1e-3, beta1: Double = 0.9,
            beta2: Double = 0.999, weightDecay: Double = 0, schedule: Curve = .cosine,
            warmup: Int = 0, floor: Double = 0, clip: Float = 0, average: Double = 0
        ) {
            (self.optimiser, self.lr, self.beta1, self.beta2) = (optimiser, lr, beta1, beta2)
            (self.weightDecay, self.schedule, self.warmup) = (weightDecay, schedule, warmup)
            (self.floor, self.clip, self.average) = (floor, clip, average)
        }
    }

    public let store: ParameterStore
    private let name: String
    private let settings: Settings
    private let schedule: Schedule
    private let precision: Precision
    private let key: RandomKey
    private var optimiser: Optimiser
    private var average: ExponentialAverage?
    private var scale: LossScale
    /// The gradients' norm in the last step, where one was taken for clipping.
    public private(set) var norm: Float?

    /// - Parameter name: of its tensors in a checkpoint, and of its random numbers.
    public init(
        _ name: String, _ store: ParameterStore, _ settings: Settings, _ plan: TrainingPlan
    ) {
        (self.name, self.store, self.settings) = (name, store, settings)
        schedule = settings.schedule(over: plan.steps)
        precision = plan.precision
        key = RandomKey(seed: plan.seed).folded(name)
        optimiser = settings.optimiser(store.trainable)
        average =
            settings.average > 0
            ? ExponentialAverage(store.trainable, decay: settings.average, warmup: .ratio) : nil
        scale = LossScale(for: plan.precision)
    }

    /// How the network runs in a step.
    public func context(_ step: Int) -> Context {
        Context(training: key.folded(step), precision: precision)
    }

    /// The learning rate of a step.
    public func rate(_ step: Int) -> Double { schedule(step, lr: settings.lr) }

    /// One step on the mean of the batches' values; returns that mean.
    public mutating func step<Batch>(
        _ step: Int, over batches: [Batch], _ value: (Context, Batch) throws -> Tensor
    ) rethrows -> Double {
        let context = context(step)
        var (mean, gradients) = try store.meanAndGradients(over: batches, scale: scale.value) {
            try value(context.folded($0), $1)
        }
        norm = settings.clip > 0 ? gradients.clip(norm: settings.clip) : nil
        if precision == .f16 && norm == nil { norm = gradients.norm() }
        if scale.accepts(norm ?? 0) {
            optimiser.step(gradients, lr: rate(step))
            average?.update()
        }
        return mean
    }

    /// Runs the body with the average in the parameters' place, if there is one.
    public func whileAveraged<R>(_ body: () throws -> R) rethrows -> R {
        try average?.whileApplied(body) ?? body()
    }

    // MARK: saving

    public func save(to state: inout TrainingState) {
        state.add(store, name)
        state.add(optimiser, "\(name).optimiser")
        if let average { state.add(average, "\(name).average") }
        state.add("\(name).scale", JSON(encoding: scale).text)
    }

    public mutating func restore(from state: TrainingState) throws {
        try state.restore(store, name)
        try state.restore(&optimiser, "\(name).optimiser")
        if var restored = average {
            average = nil
            try state.restore(&restored, "\(name).average")
            average = restored
        }
        if precision == .f16, let text = state.text["\(name).scale"] {
            let json = try JSON(parsing: Array(text.utf8), path: state.origin)
            scale = try json.decoded(LossScale.self, path: "\(state.origin): \(name).scale")
        }
    }
}

extension Learner.Settings {
    func schedule(over steps: Int) -> Schedule {
        switch schedule {
        case .constant: .constantWithWarmup(warmup: warmup)
        case .linear: .linear(warmup: warmup, steps: steps)
        case .cosine: .cosine(warmup: warmup, steps: steps, floor: floor)
        }
    }

    func optimiser(_ parameters: [Parameter]) -> Optimiser {
        switch optimiser {
        case .sgd:
            Optimiser(parameters, SGD(momentum: beta1, weightDecay: weightDecay), decay: .matrices)
        case .adam:
            Optimiser(
                parameters, Adam(beta1: beta1, beta2: beta2, weightDecay: weightDecay),
                decay: .matrices)
        case .adamw:
            Optimiser(
                parameters, AdamW(beta1: beta1, beta2: beta2, weightDecay: weightDecay),
                decay: .matrices)
        case .lion:
            Optimiser(
                parameters, Lion(beta1: beta1, beta2: beta2, weightDecay: weightDecay),
                decay: .matrices)
        case .rmsprop:
            Optimiser(parameters, RMSprop(weightDecay: weightDecay), decay: .matrices)
        case .adagrad:
            Optimiser(parameters, Adagrad(weightDecay: weightDecay), decay: .matrices)
        case .adafactor: Optimiser(parameters, adafactor, decay: .matrices)
        case .muon:
            // Hidden matrices only and AdamW for the rest, at a rate that suits both.
            Optimiser(parameters) {
                $0.role == .matrix
                    ? Muon(weightDecay: weightDecay, adjustment: .matchRMSAdamW)
                    : AdamW(
                        beta1: beta1, beta2: beta2,
                        weightDecay: $0.shape.count > 1 ? weightDecay : 0) as any UpdateRule
            }
        }
    }

    private var adafactor: Adafactor {
        var rule = Adafactor()
        (rule.weightDecay, rule.relativeStep) = (weightDecay, false)
        return rule
    }
}
