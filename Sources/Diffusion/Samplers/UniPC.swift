import Glibc
public import Tensors

/// UniPC (Zhao et al. 2023): a multistep predictor, and a corrector that redoes the last transition with the newest guess
/// at no further evaluation. α, s, λ as in DPM-Solver, from step 0 to t, h = λ_t - λ_0, e = -h (h when solving for the
/// noise), r_k = (λ_-k - λ_0) / h, D_k = (m_-k - m₀) / r_k, r = 1 for the point t itself:
///
///     x ← s_t / s_0 x - α_t ((e^e - 1) m₀ + B Σ ρ_k D_k)          B = e^e - 1 (bh2) or e (bh1)
///     Σ_k ρ_k r_k^(j-1) = φ_j j! / B,  j = 1 …      φ_1 = (e^e - 1) / e - 1,  φ_(j+1) = φ_j / e - 1 / (j + 1)!
///
/// The predictor knows no D at t; its ρ is ½ at order 2, as is the corrector's at order 1.
public struct UniPC: Sampler {
    public enum Variant: Sendable, Equatable { case bh1, bh2 }

    public struct Options: Sendable {
        public var order = 2
        public var variant = Variant.bh2
        public var solvesForData = true
        public var spacing = Spacing.linspace
        public var sigmas = SigmaSpacing.timesteps
        public var range = SigmaRange()
        /// σ of flow matching with this shift, instead of the schedule's.
        public var flowShift: FlowMatching.Shift?
        /// The last σ of flow matching is stretched to this one.
        public var flowTerminal: Double?
        public var final = FinalSigma.zero
        /// Of no higher order than there are steps left.
        public var lowersOrderAtEnd = true
        /// Steps after which nothing is corrected.
        public var uncorrected: Set<Int> = []

        public init() {}
    }

    public var timesteps: [Double] { path.timesteps.map { Double($0) } }
    public var sigmas: [Double] { path.sigmas }
    private let process: DiffusionProcess
    private let options: Options
    private let path: SolverPath
    /// The latest guesses, latest last.
    private var history: [Tensor] = []
    /// Where the last transition began, and its order.
    private var last: (x: Tensor, order: Int)?

    public init(_ process: DiffusionProcess, steps: Int, _ options: Options = Options())
        throws(SamplerError)
    {
        let schedule = process.schedule
        try checkSteps(steps, of: schedule.count, "UniPC")
        let n = schedule.count
        let timesteps = options.spacing.solverTimesteps(steps, of: n, below: n)
        var path = SolverPath(timesteps: timesteps, sigmas: [], isFlow: options.flowShift != nil)
        let table = schedule.sigmas
        if options.sigmas == .timesteps && !path.isFlow {
            path.sigmas = timesteps.map { interpolated(table, at: Double($0)) }
            path.sigmas.append(options.final == .zero ? 0 : table[0])
        } else if options.sigmas == .timesteps {
            let even = evenlySpaced(from: 1, to: 1 / Double(n), steps + 1).dropLast()
            path = UniPC.flowPath(Array(even), n, options)
        } else {
            path = UniPC.spacedPath(schedule, table, steps, options)
        }
        try self.init(process, path, options)
    }

    /// With noise levels of flow matching of one's own, which are shifted.
    public init(_ process: DiffusionProcess, sigmas: [Double], _ options: Options)
        throws(SamplerError)
    {
        guard options.flowShift != nil, let first = sigmas.first, first > 0 else {
            throw SamplerError(
                "UniPC: noise levels of one's own need flow matching, and one at least")
        }
        try self.init(process, UniPC.flowPath(sigmas, process.schedule.count, options), options)
    }

    private init(_ process: DiffusionProcess, _ path: SolverPath, _ options: Options)
        throws(SamplerError)
    {
        guard (1...9).contains(options.order) else {
            throw SamplerError("UniPC: there is no order \(options.order), only 1 to 9")
        }
        try checkPath(path.sigmas.dropLast(), "UniPC")
        self.process = process
        self.options = options
        self.path = path
    }

    private static func flowPath(_ even: [Double], _ n: Int, _ options: Options) -> SolverPath {
        let shift = options.flowShift ?? .by(1)
        var sigmas = stretched(even.map { shift($0) }, to: options.flowTerminal)
        // At σ = 1 there is no signal, and λ would not be finite.
        if (sigmas[0] - 1).magnitude < 1e-6 { sigmas[0] -= 1e-6 }
        let timesteps = sigmas.map { whole($0 * Double(n)) }
        sigmas.append(options.final == .zero ? 0 : sigmas[sigmas.count - 1])
        return SolverPath(timesteps: timesteps, sigmas: sigmas, isFlow: true)
    }

    private static func spacedPath(
        _ schedule: NoiseSchedule, _ table: [Double], _ steps: Int, _ options: Options
    ) -> SolverPath {
        var sigmas = options.sigmas.sigmas(
            from: options.range.largest ?? table[table.count - 1],
            to: options.range.smallest ?? table[0], steps)
        var timesteps: [Int]
        if options.flowShift != nil && options.sigmas == .karras {
            sigmas = sigmas.map { $0 / ($0 + 1) }
            timesteps = sigmas.map { whole($0 * Double(schedule.count)) }
        } else {
            timesteps = sigmas.map { sigma in
                let t = schedule.timestep(ofSigma: sigma)
                return whole(options.sigmas == .karras ? t.rounded(.toNearestOrEven) : t)
            }
        }
        sigmas.append(options.final == .zero ? 0 : sigmas[sigmas.count - 1])
        return SolverPath(timesteps: timesteps, sigmas: sigmas, isFlow: options.flowShift != nil)
    }

    public func level(at i: Int) -> NoiseLevel { path.level(at: i) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let level = level(at: i)
        let guess =
            options.solvesForData
            ? process.data(y, x, at: level) : process.prediction.noise(at: level)(x, y)
        var x = x
        if let last, !options.uncorrected.contains(i - 1) {
            x = transition(last.x, from: i - 1, to: i, order: last.order, newest: guess)
        }
        let left = options.lowersOrderAtEnd ? path.timesteps.count - i : options.order
        let order = min(options.order, left, history.count + 1)
        history = history.suffix(options.order - 1) + [guess]
        last = (x, order)
        return transition(x, from: i, to: i + 1, order: order)
    }

    /// One transition, by the guesses up to its start; `newest`, the guess at its end, makes it a correction.
    private func transition(
        _ x: Tensor, from: Int, to: Int, order: Int, newest: Tensor? = nil
    ) -> Tensor {
        let (start, end) = (path.level(at: from), path.level(at: to))
        let h = end.lambda - start.lambda
        let exponent = options.solvesForData ? -h : h
        let m = Array(history.reversed())
        let scale = options.solvesForData ? end.signal : end.noise
        let ofX = options.solvesForData ? end.noise / start.noise : end.signal / start.signal
        var ofFirst = -scale * expm1(exponent)
        var terms: [(Double, Tensor)] = []
        let earlier = (1..<order).map { (path.level(at: from - $0).lambda - start.lambda) / h }
        if !earlier.isEmpty || newest != nil {
            let b = options.variant == .bh1 ? exponent : expm1(exponent)
            let weights = weights(earlier, exponent, b, corrects: newest != nil)
            let points =
                zip(earlier, m.dropFirst()).map { ($0, $1) } + (newest.map { [(1, $0)] } ?? [])
            for (weight, point) in zip(weights, points) {
                let c = -scale * b * weight / point.0
                terms.append((c, point.1))
                ofFirst -= c
            }
        }
        return mix([(ofX, x), (ofFirst, m[0])] + terms)
    }

    /// ρ for the differences at `ratios` (and at 1, when correcting).
    private func weights(_ ratios: [Double], _ e: Double, _ b: Double, corrects: Bool) -> [Double] {
        let points = ratios + (corrects ? [1] : [])
        if points.count == 1 { return [0.5] }
        var phi = expm1(e) / e - 1
        var factorial = 1.0
        var matrix: [[Double]] = []
        var right: [Double] = []
        for j in 1...points.count {
            matrix.append(points.map { pow($0, Double(j - 1)) })
            right.append(phi * factorial / b)
            factorial *= Double(j + 1)
            phi = phi / e - 1 / factorial
        }
        return solve(matrix, right)
    }
}
