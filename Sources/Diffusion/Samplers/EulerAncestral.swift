public import Tensors

/// Euler steps that go below the next noise level n and add noise up to it.
///
///     up = √(n² (σ² - n²) / σ²),  down = √(n² - up²)
///     x ← x + (x - x₀) / σ (down - σ) + up · noise
public struct EulerAncestral: Sampler {
    public let timesteps: [Double]
    public let sigmas: [Double]
    public let initialDeviation: Double
    private let process: DiffusionProcess

    public init(_ process: DiffusionProcess, steps: Int, spacing: Spacing = .linspace)
        throws(SamplerError)
    {
        try checkSteps(steps, of: process.schedule.count, "Euler ancestral")
        let path = SigmaPath(
            process.schedule, spacing.timesteps(steps, of: process.schedule.count), .timesteps)
        self.process = process
        timesteps = path.timesteps
        sigmas = path.sigmas + [0]
        initialDeviation = startDeviation(sigmas, spacing)
    }

    public func level(at i: Int) -> NoiseLevel { NoiseLevel(signal: 1, noise: sigmas[i]) }

    public func modelInput(_ x: Tensor, at i: Int) -> Tensor { normalised(x, sigma: sigmas[i]) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let (from, to) = (sigmas[i] * sigmas[i], sigmas[i + 1] * sigmas[i + 1])
        let up = to * (from - to) / from
        let down = (to - up).squareRoot()
        let slope = process.prediction.slope(atSigma: sigmas[i])
        let change = down - sigmas[i]
        return mix(
            (1 + change * slope.x, x), (change * slope.y, y), (up.squareRoot(), noise()))
    }
}
