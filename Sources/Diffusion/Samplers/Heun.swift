public import Tensors

/// Heun's method along the probability flow in σ: every step but the last evaluates the model at both ends. d is the slope
/// (x - x₀) / σ, n the next σ:
///
///     x' = x + d (n - σ)          then from the kept x:   x ← x + ½ (d + d') (n - σ)
///
/// Timesteps and σ stand twice from the second on, once for each evaluation.
public struct Heun: Sampler {
    public let timesteps: [Double]
    public let sigmas: [Double]
    public let initialDeviation: Double
    private let process: DiffusionProcess
    /// x, the output and the slope as a mix of both, of the first evaluation of a step.
    private var start: (x: Tensor, y: Tensor, slope: Mix)?

    public init(
        _ process: DiffusionProcess, steps: Int, spacing: Spacing = .linspace,
        sigmas: SigmaSpacing = .timesteps
    ) throws(SamplerError) {
        try checkSteps(steps, of: process.schedule.count, "Heun")
        let timesteps = spacing.timesteps(steps, of: process.schedule.count)
        self.init(process, SigmaPath(process.schedule, timesteps, sigmas), spacing)
    }

    /// With timesteps of one's own, descending and whole or not.
    public init(_ process: DiffusionProcess, timesteps: [Double], spacing: Spacing = .linspace)
        throws(SamplerError)
    {
        guard !timesteps.isEmpty else { throw SamplerError("Heun: no timesteps") }
        self.init(process, SigmaPath(process.schedule, timesteps, .timesteps), spacing)
    }

    private init(_ process: DiffusionProcess, _ path: SigmaPath, _ spacing: Spacing) {
        self.process = process
        timesteps = [path.timesteps[0]] + path.timesteps.dropFirst().flatMap { [$0, $0] }
        sigmas = [path.sigmas[0]] + path.sigmas.dropFirst().flatMap { [$0, $0] } + [0]
        initialDeviation = startDeviation(sigmas, spacing)
    }

    public func level(at i: Int) -> NoiseLevel { NoiseLevel(signal: 1, noise: sigmas[i]) }

    public func modelInput(_ x: Tensor, at i: Int) -> Tensor { normalised(x, sigma: sigmas[i]) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let (slope, y) = slope(y, x, sigma: sigmas[i])
        if i % 2 == 1, let start {
            let half = (sigmas[i] - sigmas[i - 1]) / 2
            self.start = nil
            return mix(
                (1 + half * start.slope.x, start.x), (half * start.slope.y, start.y),
                (half * slope.x, x), (half * slope.y, y))
        }
        start = (x, y, slope)
        let change = sigmas[i + 1] - sigmas[i]
        return mix((1 + change * slope.x, x), (change * slope.y, y))
    }

    /// d as a mix of x and the output, or of x and the clipped guess at the data, which then stands for the output.
    private func slope(_ y: Tensor, _ x: Tensor, sigma: Double) -> (Mix, Tensor) {
        if process.clipping == .none { return (process.prediction.slope(atSigma: sigma), y) }
        let x0 = process.clipping(process.prediction.data(atSigma: sigma)(x, y))
        return (Prediction.data.slope(atSigma: sigma), x0)
    }
}
