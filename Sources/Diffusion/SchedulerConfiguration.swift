import Glibc
public import Files

/// What a run of a sampler is asked for beyond what the model's file says.
public struct SamplingRequest: Sendable {
    public var steps: Int?
    /// Timesteps or noise levels of one's own, instead of a number of steps.
    public var timesteps: [Double]?
    public var sigmas: [Double]?
    /// The dynamic shift of flow matching.
    public var mu: Double?
    /// LCM: the part of the distillation's timesteps that is used, and their number.
    public var strength = 1.0
    public var originalSteps: Int?
    /// DDIM: 0 draws no noise.
    public var eta = 0.0
    public var rederivesNoise = false
    public var churn = Euler.Churn()

    public init(steps: Int? = nil) { self.steps = steps }
}

/// A `scheduler_config.json` as pipelines carry it: class and parameters, from which any sampler of this module is made.
///
///     let configuration = SchedulerConfiguration(json, path: path)
///     var sampler = try configuration.sampler(SamplingRequest(steps: 30))
public struct SchedulerConfiguration: Sendable {
    /// "DDIMScheduler", …; another name may be put here to sample the same model in another way.
    public var name: String
    let json: JSON
    let path: String

    /// - Parameter name: instead of the file's own `_class_name`.
    public init(_ json: JSON, name: String? = nil, path: String) {
        self.name = name ?? json["_class_name"]?.string ?? ""
        self.json = json
        self.path = path
    }

    /// The sampler that the configuration names.
    public func sampler(_ request: SamplingRequest) throws -> any Sampler {
        switch name {
        case "DDPMScheduler": try ddpm(request)
        case "DDIMScheduler":
            try DDIM(
                process(), steps: steps(request), spacing: spacing(.leading(offset: 0)),
                eta: request.eta, endsAtData: flag("set_alpha_to_one", true),
                rederivesNoise: request.rederivesNoise)
        case "PNDMScheduler":
            try PNDM(
                process(), steps: steps(request), spacing: spacing(.leading(offset: 0)),
                skipsRungeKutta: flag("skip_prk_steps"), endsAtData: flag("set_alpha_to_one"))
        case "DPMSolverMultistepScheduler": try dpmSolver(request)
        case "UniPCMultistepScheduler": try uniPC(request)
        case "EulerDiscreteScheduler": try euler(request)
        case "EulerAncestralDiscreteScheduler":
            try EulerAncestral(process(), steps: steps(request), spacing: spacing(.linspace))
        case "HeunDiscreteScheduler": try heun(request)
        case "LCMScheduler": try lcm(request)
        case "FlowMatchEulerDiscreteScheduler": try flowMatching(request)
        case "CMStochasticIterativeScheduler": try consistencyModel(request)
        default: throw FileError(path, "unknown scheduler \"\(name)\"")
        }
    }

    /// The noise schedule of the training.
    public func schedule() throws -> NoiseSchedule {
        let isOfLatents = name == "LCMScheduler"
        let isHeun = name == "HeunDiscreteScheduler"
        let start = number("beta_start") ?? (isOfLatents || isHeun ? 0.00085 : 0.0001)
        let end = number("beta_end") ?? (isOfLatents || isHeun ? 0.012 : 0.02)
        let kind: BetaSchedule
        if let betas = json["trained_betas"]?.array {
            kind = .given(betas.compactMap(\.double))
        } else {
            switch text("beta_schedule", isOfLatents ? "scaled_linear" : "linear") {
            case "linear": kind = .linear(start: start, end: end)
            case "scaled_linear": kind = .scaledLinear(start: start, end: end)
            case "squaredcos_cap_v2": kind = .cosine
            case "sigmoid": kind = .sigmoid(start: start, end: end)
            case "laplace": kind = .laplace
            case "exp": kind = .exponential
            case let other: throw FileError(path, "unknown beta_schedule \"\(other)\"")
            }
        }
        let n = try timestepCount()
        guard start >= 0, end >= 0, start <= 1, end <= 1 else {
            throw FileError(path, "beta_start \(start) and beta_end \(end) are not within 0 and 1")
        }
        return try NoiseSchedule(
            kind, timesteps: n, endsInNoise: flag("rescale_betas_zero_snr"))
    }

    /// What the model was trained on, and how its guesses at the data are limited.
    public func process() throws -> DiffusionProcess {
        let prediction: Prediction
        switch text("prediction_type", "epsilon") {
        case "epsilon": prediction = .noise
        case "sample", "original_sample": prediction = .data
        case "v_prediction": prediction = .velocity
        case "flow_prediction": prediction = .flow
        case let other: throw FileError(path, "unknown prediction_type \"\(other)\"")
        }
        return DiffusionProcess(try schedule(), prediction: prediction, clipping: clipping())
    }

    private func clipping() -> Clipping {
        if flag("thresholding") {
            return .dynamic(
                quantile: number("dynamic_thresholding_ratio") ?? 0.995,
                maximum: number("sample_max_value") ?? 1)
        }
        let clipsUnlessTold = name == "DDPMScheduler" || name == "DDIMScheduler"
        guard flag("clip_sample", clipsUnlessTold) else { return .none }
        return .range(number("clip_sample_range") ?? 1)
    }
}

// MARK: the samplers' own parameters

extension SchedulerConfiguration {
    private func ddpm(_ request: SamplingRequest) throws -> DDPM {
        let variance: DDPM.Variance
        switch text("variance_type", "fixed_small") {
        case "fixed_small", "fixed_small_log": variance = .small
        case "fixed_large": variance = .large
        case "learned_range": variance = .learnedRange
        case let other: throw FileError(path, "variance_type \"\(other)\" is not supported")
        }
        if let timesteps = request.timesteps {
            return try DDPM(process(), timesteps: timesteps.map { whole($0) }, variance: variance)
        }
        return try DDPM(
            process(), steps: steps(request), spacing: spacing(.leading(offset: 0)),
            variance: variance)
    }

    private func dpmSolver(_ request: SamplingRequest) throws -> DPMSolver {
        var options = DPMSolver.Options()
        options.order = integer("solver_order") ?? 2
        options.correction = text("solver_type", "midpoint") == "heun" ? .heun : .midpoint
        switch text("algorithm_type", "dpmsolver++") {
        case "dpmsolver++", "deis": break
        case "sde-dpmsolver++": options.isStochastic = true
        case "dpmsolver": options.solvesForData = false
        case "sde-dpmsolver": (options.solvesForData, options.isStochastic) = (false, true)
        case let other: throw FileError(path, "unknown algorithm_type \"\(other)\"")
        }
        options.spacing = try spacing(.linspace)
        options.sigmas = sigmaSpacing()
        if flag("use_flow_sigmas") {
            options.flowShift = request.mu.map { exp($0) } ?? number("flow_shift") ?? 1
        }
        options.final = try final()
        options.lowersOrderAtEnd = flag("lower_order_final", true)
        options.endsWithEuler = flag("euler_at_final")
        options.smallestLambda = number("lambda_min_clipped") ?? -.infinity
        if let timesteps = request.timesteps {
            return try DPMSolver(process(), timesteps: timesteps.map { whole($0) }, options)
        }
        return try DPMSolver(process(), steps: steps(request), options)
    }

    private func uniPC(_ request: SamplingRequest) throws -> UniPC {
        var options = UniPC.Options()
        options.order = integer("solver_order") ?? 2
        options.variant = text("solver_type", "bh2") == "bh1" ? .bh1 : .bh2
        options.solvesForData = flag("predict_x0", true)
        options.spacing = try spacing(.linspace)
        options.sigmas = sigmaSpacing()
        options.range = range()
        if flag("use_flow_sigmas") { options.flowShift = try shift("flow_shift", request) }
        options.flowTerminal = number("shift_terminal")
        options.final = try final()
        options.lowersOrderAtEnd = flag("lower_order_final", true)
        options.uncorrected = Set(json["disable_corrector"]?.ints ?? [])
        var process = try process()
        // Thresholding is of the data, and there is none when solving for the noise.
        if !options.solvesForData { process.clipping = .none }
        if let sigmas = request.sigmas {
            return try UniPC(process, sigmas: sigmas, options)
        }
        return try UniPC(process, steps: steps(request), options)
    }

    private func euler(_ request: SamplingRequest) throws -> Euler {
        let spacing = try spacing(.linspace)
        let process = try process()
        let tellsLogSigma =
            text("timestep_type", "discrete") == "continuous" && process.prediction == .velocity
        if let sigmas = request.sigmas {
            return try Euler(
                process, sigmas: sigmas, spacing: spacing, churn: request.churn,
                tellsLogSigma: tellsLogSigma)
        }
        let interpolation =
            text("interpolation_type", "linear") == "log_linear"
            ? SigmaInterpolation.logarithmic : .linear
        if let timesteps = request.timesteps {
            return try Euler(
                process, timesteps: timesteps, spacing: spacing, final: final(),
                churn: request.churn, interpolation: interpolation)
        }
        return try Euler(
            process, steps: steps(request), spacing: spacing, sigmas: sigmaSpacing(),
            final: final(), churn: request.churn, range: range(),
            interpolation: interpolation, tellsLogSigma: tellsLogSigma)
    }

    private func heun(_ request: SamplingRequest) throws -> Heun {
        let spacing = try spacing(.linspace)
        if let timesteps = request.timesteps {
            return try Heun(process(), timesteps: timesteps, spacing: spacing)
        }
        return try Heun(
            process(), steps: steps(request), spacing: spacing, sigmas: sigmaSpacing())
    }

    private func lcm(_ request: SamplingRequest) throws -> LCM {
        let scaling = number("timestep_scaling") ?? 10
        if let timesteps = request.timesteps {
            let kept = min(whole(Double(timesteps.count) * request.strength), timesteps.count)
            return try LCM(
                process(), timesteps: timesteps.suffix(max(kept, 0)).map { whole($0) },
                scaling: scaling)
        }
        return try LCM(
            process(), steps: steps(request),
            originalSteps: request.originalSteps ?? integer("original_inference_steps") ?? 50,
            strength: request.strength, scaling: scaling)
    }

    private func flowMatching(_ request: SamplingRequest) throws -> FlowMatching {
        var options = FlowMatching.Options()
        options.shift = try shift("shift", request)
        options.terminal = number("shift_terminal")
        options.spacing = sigmaSpacing()
        options.isStochastic = flag("stochastic_sampling")
        options.isInverted = flag("invert_sigmas")
        let n = try timestepCount()
        if request.sigmas == nil && request.timesteps == nil {
            return try FlowMatching(steps: steps(request), of: n, options)
        }
        let sigmas = request.sigmas ?? request.timesteps?.map { $0 / Double(n) } ?? []
        return try FlowMatching(sigmas: sigmas, timesteps: request.timesteps, of: n, options)
    }

    private func consistencyModel(_ request: SamplingRequest) throws -> ConsistencySampler {
        var options = ConsistencySampler.Options()
        options.smallest = number("sigma_min") ?? options.smallest
        options.largest = number("sigma_max") ?? options.largest
        options.dataDeviation = number("sigma_data") ?? options.dataDeviation
        options.noiseScale = number("s_noise") ?? options.noiseScale
        options.rho = number("rho") ?? options.rho
        options.clips = flag("clip_denoised", true)
        let n = json["num_train_timesteps"] == nil ? 40 : try timestepCount()
        if let timesteps = request.timesteps {
            return try ConsistencySampler(timesteps: timesteps.map { whole($0) }, of: n, options)
        }
        return try ConsistencySampler(steps: steps(request), of: n, options)
    }
}

// MARK: single parameters

extension SchedulerConfiguration {
    private func flag(_ key: String, _ otherwise: Bool = false) -> Bool {
        json[key]?.bool ?? otherwise
    }

    private func text(_ key: String, _ otherwise: String) -> String {
        json[key]?.string ?? otherwise
    }

    private func number(_ key: String) -> Double? {
        switch json[key]?.string {
        case "inf": .infinity
        case "-inf": -.infinity
        default: json[key]?.double
        }
    }

    private func integer(_ key: String) -> Int? { json[key]?.int }

    private func steps(_ request: SamplingRequest) throws(FileError) -> Int {
        guard let steps = request.steps else {
            throw FileError(path, "\(name) needs the number of steps")
        }
        return steps
    }

    /// At most a million: more than that is no schedule but an attack on the memory.
    private func timestepCount() throws(FileError) -> Int {
        let n = integer("num_train_timesteps") ?? 1000
        guard (1...1_000_000).contains(n) else {
            throw FileError(path, "num_train_timesteps is \(n), which is absurd")
        }
        return n
    }

    private func spacing(_ otherwise: Spacing) throws(FileError) -> Spacing {
        let offset = integer("steps_offset") ?? 0
        guard (0...1000).contains(offset) else {
            throw FileError(path, "steps_offset is \(offset), which is absurd")
        }
        switch json["timestep_spacing"]?.string {
        case "leading": return .leading(offset: offset)
        case "linspace": return .linspace
        case "trailing": return .trailing
        case nil: return otherwise == .linspace ? .linspace : .leading(offset: offset)
        case let other?: throw FileError(path, "unknown timestep_spacing \"\(other)\"")
        }
    }

    private func sigmaSpacing() -> SigmaSpacing {
        if flag("use_karras_sigmas") { return .karras }
        if flag("use_lu_lambdas") { return .logSNR }
        if flag("use_exponential_sigmas") { return .exponential }
        return flag("use_beta_sigmas") ? .beta : .timesteps
    }

    private func range() -> SigmaRange {
        SigmaRange(smallest: number("sigma_min"), largest: number("sigma_max"))
    }

    private func final() throws(FileError) -> FinalSigma {
        switch text("final_sigmas_type", "zero") {
        case "zero": return .zero
        case "sigma_min": return .smallest
        case let other: throw FileError(path, "unknown final_sigmas_type \"\(other)\"")
        }
    }

    private func shift(_ key: String, _ request: SamplingRequest) throws(FileError)
        -> FlowMatching.Shift
    {
        guard flag("use_dynamic_shifting") else { return .by(number(key) ?? 1) }
        guard let mu = request.mu else {
            throw FileError(path, "use_dynamic_shifting needs the shift mu of this picture")
        }
        let isLinear = text("time_shift_type", "exponential") == "linear"
        return isLinear ? .linear(mu: mu) : .exponential(mu: mu)
    }
}
