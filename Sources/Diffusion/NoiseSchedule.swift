import Glibc

/// How β, the share of variance that a training step replaces by noise, grows over the n timesteps.
///
///     linear        evenly spaced from start to end
///     scaledLinear  the squares of evenly spaced square roots (latent diffusion)
///     cosine        min(1 - f((i + 1) / n) / f(i / n), 0.999),  f(u) = cos²((u + 0.008) / 1.008 · π/2)
///     exponential   the same with f(u) = e^(-12 u)
///     laplace       the same with f(u) = √(s / (1 + s)),  log s = -½ sign(½ - u) log(1 - 2 |½ - u| + 10⁻⁶)
///     sigmoid       start + (end - start) sigmoid(evenly spaced from -6 to 6)
///     given         as listed
public enum BetaSchedule: Sendable, Equatable {
    case linear(start: Double = 0.0001, end: Double = 0.02)
    case scaledLinear(start: Double = 0.00085, end: Double = 0.012)
    case cosine
    case exponential
    case laplace
    case sigmoid(start: Double = 0.0001, end: Double = 0.02)
    case given([Double])

    func betas(_ n: Int) -> [Double] {
        switch self {
        case .linear(let start, let end): evenlySpaced(from: start, to: end, n)
        case .scaledLinear(let start, let end):
            evenlySpaced(from: start.squareRoot(), to: end.squareRoot(), n).map { $0 * $0 }
        case .sigmoid(let start, let end):
            evenlySpaced(from: -6, to: 6, n).map { start + (end - start) / (1 + exp(-$0)) }
        case .cosine: BetaSchedule.betas(n) { pow(cos(($0 + 0.008) / 1.008 * .pi / 2), 2) }
        case .exponential: BetaSchedule.betas(n) { exp(-12 * $0) }
        case .laplace: BetaSchedule.betas(n, laplaceSignal)
        case .given(let betas): betas
        }
    }

    /// The betas of a curve that says what is left of the data's variance at u = t / n.
    private static func betas(_ n: Int, _ left: (Double) -> Double) -> [Double] {
        (0..<n).map {
            min(1 - left(Double($0 + 1) / Double(n)) / left(Double($0) / Double(n)), 0.999)
        }
    }
}

private func laplaceSignal(_ u: Double) -> Double {
    let sign: Double = u > 0.5 ? -1 : 1
    let snr = exp(-0.5 * sign * log(1 - 2 * (0.5 - u).magnitude + 1e-6))
    return (snr / (1 + snr)).squareRoot()
}

/// The training process: x_t = √a_t x₀ + √(1 - a_t) ε, a_t the running product of 1 - β.
public struct NoiseSchedule: Sendable, Equatable {
    public let kind: BetaSchedule
    public let betas: [Double]
    /// a_t, what is left of the data's variance at timestep t.
    public let alphaBars: [Double]

    /// - Parameter endsInNoise: rescale so that the last timestep holds no data at all (a = 0):
    ///   with r = √a, r ← (r - r_last) r_first / (r_first - r_last).
    public init(
        _ kind: BetaSchedule = .linear(), timesteps n: Int = 1000, endsInNoise: Bool = false
    )
        throws(SamplerError)
    {
        let betas = kind.betas(n)
        guard !betas.isEmpty, betas.allSatisfy({ $0 >= 0 && $0 <= 1 }), betas[0] < 1 else {
            throw SamplerError("noise schedule: \(n) timesteps with betas from \(betas.first ?? 0)")
        }
        self.kind = kind
        self.betas = endsInNoise ? NoiseSchedule.rescaled(betas) : betas
        alphaBars = runningProduct(self.betas.map { 1 - $0 })
    }

    private static func rescaled(_ betas: [Double]) -> [Double] {
        let roots = runningProduct(betas.map { 1 - $0 }).map { $0.squareRoot() }
        let (first, last) = (roots[0], roots[roots.count - 1])
        let a = roots.map { r in
            let moved = (r - last) * (first / (first - last))
            return moved * moved
        }
        return a.indices.map { 1 - ($0 == 0 ? a[0] : a[$0] / a[$0 - 1]) }
    }

    /// The number of training timesteps, n.
    public var count: Int { betas.count }

    /// a_t; before the first timestep `beyond`, after the last the last one's.
    func alphaBar(_ t: Int, beyond: Double = 1) -> Double {
        t < 0 ? beyond : alphaBars[min(t, count - 1)]
    }

    /// What a timestep makes of data and noise.
    public func level(at t: Int) -> NoiseLevel { NoiseLevel(alphaBar: alphaBar(t)) }

    /// σ_t = √((1 - a_t) / a_t), by timestep. Where a_t is 0 it counts as 2⁻²⁴, so that σ stays finite.
    var sigmas: [Double] { alphaBars.map { ((1 - finite($0)) / finite($0)).squareRoot() } }

    private func finite(_ alphaBar: Double) -> Double { alphaBar == 0 ? 0x1p-24 : alphaBar }
}

private func runningProduct(_ factors: [Double]) -> [Double] {
    var product = 1.0
    return factors.map { factor in
        product *= factor
        return product
    }
}

/// x = signal · data + noise · ε.
public struct NoiseLevel: Sendable, Equatable {
    public let signal: Double
    public let noise: Double

    public init(signal: Double, noise: Double) { (self.signal, self.noise) = (signal, noise) }

    /// With the variances a and 1 - a.
    public init(alphaBar a: Double) {
        self.init(signal: a.squareRoot(), noise: (1 - a).squareRoot())
    }

    /// With the same ratio noise / signal, and variances that sum to one.
    init(sigma: Double) {
        let signal = 1 / (sigma * sigma + 1).squareRoot()
        self.init(signal: signal, noise: sigma * signal)
    }

    /// Half the logarithm of the signal-to-noise ratio.
    var lambda: Double { log(signal) - log(noise) }
}

/// Something that cannot be sampled as asked: what, and why.
public struct SamplerError: Error, CustomStringConvertible, Equatable {
    public let description: String
    public init(_ description: String) { self.description = description }
}
