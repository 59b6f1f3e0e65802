public import Tensors

/// Euler's method along the probability flow in σ (Karras et al. 2022), optionally stirred. The model sees
/// x / √(σ² + 1); n is the next σ.
///
///     γ = min(churn / steps, √2 - 1) where minimum ≤ σ ≤ maximum;  ŝ = σ (1 + γ);  x += scale · noise · √(ŝ² - σ²)
///     x ← x + (x - x₀) / ŝ (n - ŝ)
public struct Euler: Sampler {
    /// Noise added before a step and removed by it.
    public struct Churn: Sendable, Equatable {
        public var amount = 0.0
        public var minimum = 0.0
        public var maximum = Double.infinity
        public var scale = 1.0

        public init() {}
    }

    public let timesteps: [Double]
    public let sigmas: [Double]
    public let initialDeviation: Double
    private let process: DiffusionProcess
    private let churn: Churn

    public init(
        _ process: DiffusionProcess, steps: Int, spacing: Spacing = .linspace,
        sigmas: SigmaSpacing = .timesteps, final: FinalSigma = .zero, churn: Churn = Churn(),
        range: SigmaRange = SigmaRange(), interpolation: SigmaInterpolation = .linear,
        tellsLogSigma: Bool = false
    ) throws(SamplerError) {
        try checkSteps(steps, of: process.schedule.count, "Euler")
        let path = SigmaPath(
            process.schedule, spacing.timesteps(steps, of: process.schedule.count), sigmas,
            range: range, interpolation: interpolation)
        try checkPath(path.sigmas, "Euler")
        let last = final == .zero ? 0 : process.schedule.sigmas[0]
        self.init(process, path.timesteps, path.sigmas + [last], spacing, churn, tellsLogSigma)
    }

    /// With timesteps of one's own, descending and whole or not.
    public init(
        _ process: DiffusionProcess, timesteps: [Double], spacing: Spacing = .linspace,
        final: FinalSigma = .zero, churn: Churn = Churn(),
        interpolation: SigmaInterpolation = .linear
    ) throws(SamplerError) {
        guard !timesteps.isEmpty else { throw SamplerError("Euler: no timesteps") }
        let path = SigmaPath(process.schedule, timesteps, .timesteps, interpolation: interpolation)
        let last = final == .zero ? 0 : process.schedule.sigmas[0]
        self.init(process, timesteps, path.sigmas + [last], spacing, churn, false)
    }

    /// With noise levels of one's own, the last of which ends the sampling.
    public init(
        _ process: DiffusionProcess, sigmas: [Double], spacing: Spacing = .linspace,
        churn: Churn = Churn(), tellsLogSigma: Bool = false
    ) throws(SamplerError) {
        guard sigmas.count >= 2, sigmas.dropLast().allSatisfy({ $0 > 0 }) else {
            throw SamplerError("Euler: sigmas must be positive, and two or more: \(sigmas)")
        }
        let timesteps = sigmas.dropLast().map { process.schedule.timestep(ofSigma: $0) }
        self.init(process, timesteps, sigmas, spacing, churn, tellsLogSigma)
    }

    private init(
        _ process: DiffusionProcess, _ timesteps: [Double], _ sigmas: [Double], _ spacing: Spacing,
        _ churn: Churn, _ tellsLogSigma: Bool
    ) {
        self.process = process
        self.sigmas = sigmas
        self.churn = churn
        self.timesteps = tellsLogSigma ? logTimesteps(sigmas.dropLast()) : timesteps
        initialDeviation = startDeviation(sigmas, spacing)
    }

    public func level(at i: Int) -> NoiseLevel { NoiseLevel(signal: 1, noise: sigmas[i]) }

    public func modelInput(_ x: Tensor, at i: Int) -> Tensor { normalised(x, sigma: sigmas[i]) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let (sigma, next) = (sigmas[i], sigmas[i + 1])
        let stirs = churn.amount > 0 && sigma >= churn.minimum && sigma <= churn.maximum
        let gamma = stirs ? min(churn.amount / Double(sigmas.count - 1), 2.0.squareRoot() - 1) : 0
        if gamma == 0 {
            let slope = process.prediction.slope(atSigma: sigma)
            return mix((1 + (next - sigma) * slope.x, x), ((next - sigma) * slope.y, y))
        }
        let stirred = sigma * (1 + gamma)
        let added = churn.scale * (stirred * stirred - sigma * sigma).squareRoot()
        let x = mix((1, x), (added, noise()))
        // The model saw x before it was stirred: only what it says of noise counts at the new level.
        let data = process.prediction.data(
            atSigma: process.prediction == .velocity ? sigma : stirred)
        return mix((1, x), ((next - stirred) / stirred, x - data(x, y)))
    }
}
