public import Tensors

/// Denoising diffusion's implicit twin (Song et al. 2020): the same model in fewer steps, without noise if η = 0.
/// p = t - ⌊n / steps⌋, x₀ and ε the guesses at the data (clipped) and at the noise (not):
///
///     s = η √((1 - a_p) / (1 - a_t) (1 - a_t / a_p))
///     x ← √a_p x₀ + √(1 - a_p - s²) ε + s noise
public struct DDIM: Sampler {
    public let timesteps: [Double]
    private let process: DiffusionProcess
    private let eta: Double
    private let stride: Int
    private let lastAlphaBar: Double
    private let rederivesNoise: Bool

    /// - Parameters:
    ///   - eta: 0 draws no noise, 1 as much as DDPM.
    ///   - endsAtData: the last step goes to a = 1; otherwise to that of timestep 0.
    ///   - rederivesNoise: take ε from the clipped x₀.
    public init(
        _ process: DiffusionProcess, steps: Int, spacing: Spacing = .leading(), eta: Double = 0,
        endsAtData: Bool = true, rederivesNoise: Bool = false
    ) throws(SamplerError) {
        let n = process.schedule.count
        try checkSteps(steps, of: n, "DDIM")
        self.process = process
        self.eta = eta
        self.rederivesNoise = rederivesNoise
        timesteps = spacing.wholeTimesteps(steps, of: n).map { Double($0) }
        stride = n / steps
        lastAlphaBar = endsAtData ? 1 : process.schedule.alphaBars[0]
    }

    public func level(at i: Int) -> NoiseLevel { process.schedule.level(at: Int(timesteps[i])) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let t = Int(timesteps[i])
        let a = process.schedule.alphaBar(t)
        let p = process.schedule.alphaBar(t - stride, beyond: lastAlphaBar)
        let level = level(at: i)
        let x0 = process.data(y, x, at: level)
        let epsilon =
            rederivesNoise
            ? mix((1 / level.noise, x), (-level.signal / level.noise, x0))
            : process.prediction.noise(at: level)(x, y)
        let s = eta * ((1 - p) / (1 - a) * (1 - a / p)).squareRoot()
        let next = mix((p.squareRoot(), x0), (max(1 - p - s * s, 0).squareRoot(), epsilon))
        return eta > 0 ? mix((1, next), (s, noise())) : next
    }
}
