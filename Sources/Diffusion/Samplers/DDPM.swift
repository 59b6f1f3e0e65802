import Glibc
public import Tensors

/// Denoising diffusion, the reverse of the training process (Ho et al. 2020). From timestep t to the next one, p, with
/// a_p = 1 after the last, b = 1 - a_t / a_p and x₀ the guess at the data:
///
///     x ← √a_p b / (1 - a_t) x₀ + √(a_t / a_p) (1 - a_p) / (1 - a_t) x + √variance noise        (no noise at t = 0)
///     variance = small = (1 - a_p) / (1 - a_t) b        or b        or, learned, exp(f log b + (1 - f) log small)
public struct DDPM: Sampler {
    public enum Variance: Sendable, Equatable {
        case small, large
        /// The model says where between both, in as many channels again (last axis): f = (v + 1) / 2.
        case learnedRange
    }

    public let timesteps: [Double]
    private let process: DiffusionProcess
    private let variance: Variance

    public init(
        _ process: DiffusionProcess, steps: Int, spacing: Spacing = .leading(),
        variance: Variance = .small
    ) throws(SamplerError) {
        let n = process.schedule.count
        try checkSteps(steps, of: n, "DDPM")
        try self.init(
            process, timesteps: spacing.wholeTimesteps(steps, of: n), variance: variance)
    }

    /// With timesteps of one's own, descending.
    public init(_ process: DiffusionProcess, timesteps: [Int], variance: Variance = .small)
        throws(SamplerError)
    {
        try checkDescending(timesteps, of: process.schedule.count, "DDPM")
        self.process = process
        self.timesteps = timesteps.map { Double($0) }
        self.variance = variance
    }

    public func level(at i: Int) -> NoiseLevel { process.schedule.level(at: Int(timesteps[i])) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let t = Int(timesteps[i])
        let a = process.schedule.alphaBar(t)
        let p = i + 1 < timesteps.count ? process.schedule.alphaBar(Int(timesteps[i + 1])) : 1
        let b = 1 - a / p
        let hasVariance = variance == .learnedRange && y.shape.last != x.shape.last
        let parts = hasVariance ? y.chunked(2, axis: -1) : [y]
        let x0 = process.data(parts[0], x, at: level(at: i))
        let mean = mix(
            (p.squareRoot() * b / (1 - a), x0), ((a / p).squareRoot() * (1 - p) / (1 - a), x))
        if t == 0 { return mean }
        let small = max((1 - p) / (1 - a) * b, 1e-20)
        guard hasVariance else {
            return mix((1, mean), ((variance == .large ? b : small).squareRoot(), noise()))
        }
        // √variance = exp(½ (f log b + (1 - f) log small)), f = (v + 1) / 2
        let (low, high) = (log(small), log(b))
        let deviation = exp(parts[1] * Float((high - low) / 4) + Float((high + low) / 4))
        return mean + deviation * noise()
    }
}
