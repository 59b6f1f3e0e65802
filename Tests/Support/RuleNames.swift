import Files
import Networks

/// An optimiser's settings as the golden cases write them.
struct RuleSettings {
    let json: JSON

    func number(_ name: String) -> Double { json[name]?.double ?? 0 }
    func flag(_ name: String) -> Bool { json[name]?.bool ?? false }
    func pair(_ name: String) -> (Double, Double) {
        let values = json[name]?.array?.compactMap(\.double) ?? []
        return values.count == 2 ? (values[0], values[1]) : (0, 0)
    }

    /// The rule with this name.
    func rule(_ name: String) throws -> any DecayingRule {
        let decay = number("weight_decay")
        let betas = pair("betas")
        switch name {
        case "sgd":
            return SGD(
                momentum: number("momentum"), dampening: number("dampening"), weightDecay: decay,
                nesterov: flag("nesterov"))
        case "adam":
            return Adam(
                beta1: betas.0, beta2: betas.1, epsilon: number("eps"), weightDecay: decay,
                amsgrad: flag("amsgrad"))
        case "adamw":
            return AdamW(
                beta1: betas.0, beta2: betas.1, epsilon: number("eps"), weightDecay: decay,
                amsgrad: flag("amsgrad"))
        case "rmsprop":
            return RMSprop(
                alpha: number("alpha"), epsilon: number("eps"), weightDecay: decay,
                momentum: number("momentum"), centered: flag("centered"))
        case "adagrad":
            return Adagrad(
                lrDecay: number("lr_decay"), weightDecay: decay,
                initialAccumulator: Float(number("initial_accumulator_value")),
                epsilon: number("eps"))
        case "adafactor": return adafactor(decay)
        case "lion": return Lion(beta1: betas.0, beta2: betas.1, weightDecay: decay)
        case "muon":
            return Muon(
                momentum: number("momentum"), nesterov: flag("nesterov"), weightDecay: decay,
                iterations: json["ns_steps"]?.int ?? 5,
                adjustment: .init(rawValue: json["adjust"]?.string ?? "") ?? .original)
        default: throw FileError("case", "unknown op \(name)")
        }
    }

    private func adafactor(_ decay: Double) -> Adafactor {
        var rule = Adafactor()
        let epsilon = pair("eps")
        rule.epsilon = [epsilon.0, epsilon.1]
        rule.clipThreshold = number("clip_threshold")
        rule.decayRate = number("decay_rate")
        rule.beta1 = json["beta1"]?.double
        rule.weightDecay = decay
        rule.scaleParameter = flag("scale_parameter")
        rule.relativeStep = flag("relative_step")
        rule.warmupInit = flag("warmup_init")
        return rule
    }

    /// The schedule with this name.
    func schedule(_ name: String) throws -> Schedule {
        let (warmup, steps) = (
            json["num_warmup_steps"]?.int ?? 0, json["num_training_steps"]?.int ?? 0
        )
        let (cycles, gamma) = (number("num_cycles"), number("gamma"))
        switch name {
        case "constant_with_warmup": return .constantWithWarmup(warmup: warmup)
        case "linear_with_warmup": return .linear(warmup: warmup, steps: steps)
        case "cosine_with_warmup": return .cosine(warmup: warmup, steps: steps, cycles: cycles)
        case "cosine_with_min_lr":
            return .cosine(
                warmup: warmup, steps: steps, floor: number("min_lr") / number("lr"))
        case "cosine_with_restarts":
            return .cosineWithRestarts(warmup: warmup, steps: steps, restarts: Int(cycles))
        case "polynomial":
            return .polynomial(
                warmup: warmup, steps: steps, end: number("lr_end"), power: number("power"))
        case "inverse_sqrt":
            return .inverseSqrt(warmup: warmup, timescale: json["timescale"]?.int)
        case "step": return .step(size: json["step_size"]?.int ?? 1, gamma: gamma)
        case "multi_step":
            return .multiStep(milestones: json["milestones"]?.ints ?? [], gamma: gamma)
        case "exponential": return .exponential(gamma: gamma)
        case "cosine_annealing":
            return .cosineAnnealing(period: json["T_max"]?.int ?? 1, end: number("eta_min"))
        case "one_cycle": return .oneCycle(oneCycle)
        default: throw FileError("case", "unknown schedule \(name)")
        }
    }

    private var oneCycle: OneCycle {
        var cycle = OneCycle(highest: number("max_lr"), steps: json["total_steps"]?.int ?? 1)
        cycle.rise = number("pct_start")
        cycle.isLinear = json["anneal_strategy"]?.string == "linear"
        cycle.divisor = number("div_factor")
        cycle.finalDivisor = number("final_div_factor")
        cycle.hasThreePhases = flag("three_phase")
        return cycle
    }
}
