import Glibc
public import Tensors

/// DPM-Solver and DPM-Solver++ as multistep methods of order 1 to 3, deterministic or stochastic (Lu et al. 2022).
/// α, s the levels of signal and noise, λ = log(α / s), from step 0 to t; h = λ_t - λ_0; m₀, m₁, m₂ the guesses at the
/// data of this step and those before; r₀ = (λ_0 - λ_1) / h, r₁ = (λ_1 - λ_2) / h:
///
///     D = (m₀ - m₁) / r₀              order 3:  D' = (m₁ - m₂) / r₁,  D₂ = (D - D') / (r₀ + r₁),  D₁ = D + r₀ D₂
///     x ← s_t / s_0 x + α_t ((1 - e^-h) m₀ + c₁ D₁ - c₂ D₂) [+ s_t √(1 - e^-2h) noise]
///     c₁ = ½ (1 - e^-h), or for `heun` and order 3  (e^-h - 1) / h + 1;     c₂ = (e^-h - 1 + h) / h² - ½
///
/// With noise, 2h stands for h in the brackets and the first factor is s_t / s_0 e^-h. The first DPM-Solver has guesses at
/// the noise for m and  x ← α_t / α_0 x - s_t ((e^h - 1) m₀ + …).
public struct DPMSolver: Sampler {
    public enum Correction: Sendable, Equatable { case midpoint, heun }

    public struct Options: Sendable {
        public var order = 2
        public var correction = Correction.midpoint
        /// DPM-Solver++ solves for the data, the first DPM-Solver for the noise.
        public var solvesForData = true
        public var isStochastic = false
        public var spacing = Spacing.linspace
        public var sigmas = SigmaSpacing.timesteps
        /// σ of flow matching with this shift, instead of the schedule's.
        public var flowShift: Double?
        public var final = FinalSigma.zero
        /// The last step, and of order 3 the last but one, of lower order if there are fewer than 15.
        public var lowersOrderAtEnd = true
        /// The last step of order 1 in any case.
        public var endsWithEuler = false
        /// Timesteps with less λ are left out.
        public var smallestLambda = -Double.infinity

        public init() {}
    }

    public var timesteps: [Double] { path.timesteps.map { Double($0) } }
    public var sigmas: [Double] { path.sigmas }
    private let process: DiffusionProcess
    private let options: Options
    private let path: SolverPath
    /// The latest guesses, latest last.
    private var history: [Tensor] = []

    public init(_ process: DiffusionProcess, steps: Int, _ options: Options = Options())
        throws(SamplerError)
    {
        let schedule = process.schedule
        try checkSteps(steps, of: schedule.count, "DPM-Solver")
        let lambdas = schedule.sigmas.map { NoiseLevel(sigma: $0).lambda }
        let last = lambdas.count { $0 >= options.smallestLambda }
        let timesteps = options.spacing.solverTimesteps(steps, of: schedule.count, below: last)
        try self.init(process, DPMSolver.path(schedule, timesteps, steps, options), options)
    }

    /// With timesteps of one's own, descending.
    public init(_ process: DiffusionProcess, timesteps: [Int], _ options: Options = Options())
        throws(SamplerError)
    {
        try checkDescending(timesteps, of: process.schedule.count, "DPM-Solver")
        var options = options
        options.sigmas = .timesteps
        let path = DPMSolver.path(process.schedule, timesteps, timesteps.count, options)
        try self.init(process, path, options)
    }

    private init(_ process: DiffusionProcess, _ path: SolverPath, _ options: Options)
        throws(SamplerError)
    {
        guard (1...3).contains(options.order) else {
            throw SamplerError("DPM-Solver: there is no order \(options.order), only 1, 2 and 3")
        }
        guard options.solvesForData || options.final == .smallest else {
            throw SamplerError("DPM-Solver: solving for the noise cannot end at σ = 0")
        }
        guard options.solvesForData || !options.isStochastic || options.order < 3 else {
            throw SamplerError("DPM-Solver: solving for the noise with noise has order 1 or 2")
        }
        try checkPath(path.sigmas.dropLast(), "DPM-Solver")
        self.process = process
        self.options = options
        self.path = path
    }

    private static func path(
        _ schedule: NoiseSchedule, _ timesteps: [Int], _ steps: Int, _ options: Options
    ) -> SolverPath {
        let table = schedule.sigmas
        var path = SolverPath(timesteps: timesteps, sigmas: [])
        if options.sigmas != .timesteps {
            path.sigmas = options.sigmas.sigmas(from: table[table.count - 1], to: table[0], steps)
            let rounds =
                [.karras, .logSNR].contains(options.sigmas) && schedule.kind != .cosine
            path.timesteps = path.sigmas.map { sigma in
                let t = schedule.timestep(ofSigma: sigma)
                return whole(rounds ? t.rounded(.toNearestOrEven) : t)
            }
        } else if let shift = options.flowShift {
            let n = Double(schedule.count)
            path.sigmas = evenlySpaced(from: 1, to: 1 / n, steps + 1).dropFirst().reversed().map {
                shift * (1 - $0) / (1 + (shift - 1) * (1 - $0))
            }
            path.timesteps = path.sigmas.map { whole($0 * n) }
        } else {
            path.sigmas = timesteps.map { interpolated(table, at: Double($0)) }
        }
        path.isFlow = options.flowShift != nil
        path.sigmas.append(options.final == .zero ? 0 : table[0])
        return path
    }

    public func level(at i: Int) -> NoiseLevel { path.level(at: i) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let order = order(at: i)
        history = history.suffix(options.order - 1) + [guess(y, x, at: level(at: i))]
        let terms = Terms(path.level(at: i), path.level(at: i + 1), options, order)
        var sum = [(terms.ofX, x), (terms.ofGuess, history[history.count - 1])]
        if order > 1 { sum += differences(at: i, order, terms) }
        if options.isStochastic { sum.append((terms.ofNoise, noise())) }
        return mix(sum)
    }

    private func order(at i: Int) -> Int {
        let count = path.timesteps.count
        let isShort = options.lowersOrderAtEnd && count < 15
        let isLast = i == count - 1
        if history.isEmpty || isLast && (options.endsWithEuler || isShort || options.final == .zero)
        {
            return 1
        }
        let limit = i == count - 2 && isShort ? min(2, options.order) : options.order
        return min(limit, history.count + 1)
    }

    private func guess(_ y: Tensor, _ x: Tensor, at level: NoiseLevel) -> Tensor {
        if options.solvesForData { return process.data(y, x, at: level) }
        if process.clipping == .none { return process.prediction.noise(at: level)(x, y) }
        let x0 = process.data(y, x, at: level)
        return mix((1 / level.noise, x), (-level.signal / level.noise, x0))
    }

    /// c₁ D₁ and c₂ D₂ as terms of the guesses.
    private func differences(at i: Int, _ order: Int, _ terms: Terms) -> [(Double, Tensor)] {
        let m = Array(history.reversed())
        let lambda = (0...order).map { path.level(at: i + 1 - $0).lambda }
        let h = lambda[0] - lambda[1]
        let r0 = (lambda[1] - lambda[2]) / h
        if order == 2 { return [(terms.ofD1 / r0, m[0]), (-terms.ofD1 / r0, m[1])] }
        let r1 = (lambda[2] - lambda[3]) / h
        // D₁ = D + r₀ D₂, D₂ = (D - D') / (r₀ + r₁)
        let ofD2 = (terms.ofD1 * r0 + terms.ofD2) / (r0 + r1)
        let (ofD, ofDBefore) = ((terms.ofD1 + ofD2) / r0, -ofD2 / r1)
        return [(ofD, m[0]), (ofDBefore - ofD, m[1]), (-ofDBefore, m[2])]
    }
}

/// The coefficients of one step.
private struct Terms {
    let ofX: Double
    let ofGuess: Double
    let ofD1: Double
    let ofD2: Double
    let ofNoise: Double

    init(_ from: NoiseLevel, _ to: NoiseLevel, _ options: DPMSolver.Options, _ order: Int) {
        let h = to.lambda - from.lambda
        let usesMidpoint = options.correction == .midpoint && order == 2
        if options.solvesForData {
            let k = options.isStochastic ? 2 * h : h
            let shrink = exp(-k) - 1
            ofX = to.noise / from.noise * (options.isStochastic ? exp(-h) : 1)
            ofGuess = -to.signal * shrink
            ofD1 = to.signal * (usesMidpoint ? -shrink / 2 : shrink / k + 1)
            // The published stochastic solver has the half with the other sign.
            ofD2 = -to.signal * ((shrink + k) / (k * k) + (options.isStochastic ? 0.5 : -0.5))
            ofNoise = to.noise * (1 - exp(-2 * h)).squareRoot()
        } else {
            let grow = exp(h) - 1
            let noise = to.noise * (options.isStochastic ? 2 : 1)
            ofX = to.signal / from.signal
            ofGuess = -noise * grow
            ofD1 = -noise * (usesMidpoint ? grow / 2 : grow / h - 1)
            ofD2 = -noise * ((grow - h) / (h * h) - 0.5)
            ofNoise = to.noise * (exp(2 * h) - 1).squareRoot()
        }
    }
}
