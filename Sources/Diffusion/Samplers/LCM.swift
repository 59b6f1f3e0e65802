import Glibc
public import Tensors

/// Latent consistency models (Luo et al. 2023): each step guesses the data and noises it again to the next timestep p.
/// u = scaling · t:
///
///     d = u / √(u² + ¼) x₀ + ¼ / (u² + ¼) x
///     x ← √a_p d + √(1 - a_p) noise;   last: d
///
/// Timesteps are picked evenly from those of the distillation, k j - 1 for j = 1 … originalSteps, k = ⌊n / originalSteps⌋.
public struct LCM: Sampler {
    public let timesteps: [Double]
    private let process: DiffusionProcess
    private let scaling: Double

    /// - Parameter strength: below 1 only the first part of the distillation's timesteps is used, to start from a picture.
    public init(
        _ process: DiffusionProcess, steps: Int, originalSteps: Int = 50, strength: Double = 1,
        scaling: Double = 10
    ) throws(SamplerError) {
        let n = process.schedule.count
        try checkSteps(steps, of: n, "LCM")
        let kept = whole(Double(originalSteps) * strength)
        guard originalSteps <= n, kept <= originalSteps, steps <= kept else {
            throw SamplerError(
                "LCM: \(steps) steps of \(originalSteps) × \(strength), of \(n) timesteps")
        }
        let all = (1...kept).reversed().map { $0 * (n / originalSteps) - 1 }
        let stride = Double(kept) / Double(steps)
        self.process = process
        self.scaling = scaling
        timesteps = (0..<steps).map { Double(all[Int(floor(Double($0) * stride))]) }
    }

    /// With timesteps of one's own, descending.
    public init(_ process: DiffusionProcess, timesteps: [Int], scaling: Double = 10)
        throws(SamplerError)
    {
        try checkDescending(timesteps, of: process.schedule.count, "LCM")
        self.process = process
        self.scaling = scaling
        self.timesteps = timesteps.map { Double($0) }
    }

    public func level(at i: Int) -> NoiseLevel { process.schedule.level(at: Int(timesteps[i])) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let u = scaling * timesteps[i]
        let square = u * u + 0.25
        let x0 = process.data(y, x, at: level(at: i))
        let data = mix((u / square.squareRoot(), x0), (0.25 / square, x))
        if i + 1 == timesteps.count { return data }
        let next = level(at: i + 1)
        return mix((next.signal, data), (next.noise, noise()))
    }
}
