import Glibc
public import Tensors

/// Euler steps along the straight paths of flow matching, x = (1 - σ) data + σ noise; the model says noise - data.
///
///     x ← x + (n - σ) y                      n the next σ, 0 at the end
///     stochastic:  x₀ = x - σ y,  x ← (1 - n) x₀ + n noise
///
/// σ goes evenly from the largest to the smallest of the training table u = i / n, i = n … 1, shifted towards noise:
/// shift u / (1 + (shift - 1) u).
public struct FlowMatching: Sampler {
    /// How σ is shifted towards noise.
    public enum Shift: Sendable, Equatable {
        case by(Double)
        /// e^μ / (e^μ + 1 / u - 1), by the size of the picture.
        case exponential(mu: Double)
        /// μ / (μ + 1 / u - 1)
        case linear(mu: Double)

        func callAsFunction(_ u: Double) -> Double {
            switch self {
            case .by(let shift): shift * u / (1 + (shift - 1) * u)
            case .exponential(let mu): exp(mu) / (exp(mu) + (1 / u - 1))
            case .linear(let mu): mu / (mu + (1 / u - 1))
            }
        }
    }

    public struct Options: Sendable {
        public var shift = Shift.by(1)
        /// The last σ before 0 is stretched to this one.
        public var terminal: Double?
        public var spacing = SigmaSpacing.timesteps
        public var isStochastic = false
        /// Counts from data to noise: 1 - σ, ending at 1.
        public var isInverted = false

        public init() {}
    }

    public let timesteps: [Double]
    public let sigmas: [Double]
    private let isStochastic: Bool

    public init(steps: Int, of n: Int = 1000, _ options: Options = Options()) throws(SamplerError) {
        guard (1...1_000_000).contains(steps), n >= 1 else {
            throw SamplerError("flow matching: \(steps) steps of \(n)")
        }
        // A fixed shift is part of the training table, and applied once more to what is taken from it.
        var smallest = 1 / Double(n)
        var largest = 1.0
        if case .by = options.shift {
            (smallest, largest) = (options.shift(smallest), options.shift(largest))
        }
        let range = (largest * Double(n), smallest * Double(n))
        let even = evenlySpaced(from: range.0, to: range.1, steps).map { $0 / Double(n) }
        try self.init(sigmas: even, of: n, options)
    }

    /// With noise levels of one's own, which are shifted; `timesteps`, if given, are told to the model as they are.
    public init(
        sigmas: [Double], timesteps: [Double]? = nil, of n: Int = 1000,
        _ options: Options = Options()
    ) throws(SamplerError) {
        guard let first = sigmas.first, first > 0, timesteps?.count ?? sigmas.count == sigmas.count
        else { throw SamplerError("flow matching: no path through the noise levels \(sigmas)") }
        var path = stretched(sigmas.map { options.shift($0) }, to: options.terminal)
        if options.spacing != .timesteps {
            path = options.spacing.sigmas(from: path[0], to: path[path.count - 1], path.count)
        }
        if options.isInverted { path = path.map { 1 - $0 } }
        self.timesteps =
            options.isInverted
            ? path.map { $0 * Double(n) } : timesteps ?? path.map { $0 * Double(n) }
        self.sigmas = path + [options.isInverted ? 1 : 0]
        isStochastic = options.isStochastic
        try checkPath(path, "flow matching")
    }

    public func level(at i: Int) -> NoiseLevel {
        NoiseLevel(signal: 1 - sigmas[i], noise: sigmas[i])
    }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let (sigma, next) = (sigmas[i], sigmas[i + 1])
        if !isStochastic { return mix((1, x), (next - sigma, y)) }
        return mix((1 - next, x), (-(1 - next) * sigma, y), (next, noise()))
    }
}

/// 1 - σ scaled so that the last σ becomes `terminal`.
func stretched(_ sigmas: [Double], to terminal: Double?) -> [Double] {
    guard let terminal, terminal != 0, let last = sigmas.last else { return sigmas }
    let scale = (1 - last) / (1 - terminal)
    return sigmas.map { 1 - (1 - $0) / scale }
}
