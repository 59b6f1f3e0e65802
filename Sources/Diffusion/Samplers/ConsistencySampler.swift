import Glibc
public import Tensors

/// Multistep sampling of consistency models (Song et al. 2023): guess the data, noise it again to the next level n.
/// D = dataDeviation, m = the smallest σ; the model sees x / √(σ² + D²) and is told 250 log σ:
///
///     d = (σ - m) D / √(σ² + D²) y + D² / ((σ - m)² + D²) x,   limited to ±1 if `clips`
///     x ← d + noiseScale √(n² - m²) noise
public struct ConsistencySampler: Sampler {
    public struct Options: Sendable {
        public var smallest = 0.002
        public var largest = 80.0
        public var dataDeviation = 0.5
        public var noiseScale = 1.0
        public var rho = 7.0
        public var clips = true

        public init() {}
    }

    public let timesteps: [Double]
    public let sigmas: [Double]
    private let options: Options

    public init(steps: Int, of n: Int = 40, _ options: Options = Options()) throws(SamplerError) {
        try checkSteps(steps, of: n, "consistency model")
        let timesteps = Spacing.leading().timesteps(steps, of: n).map { Int($0) }
        try self.init(timesteps: timesteps, of: n, options)
    }

    /// With places of one's own in the training's ladder of n levels, descending.
    public init(timesteps: [Int], of n: Int = 40, _ options: Options = Options())
        throws(SamplerError)
    {
        try checkDescending(timesteps, of: n, "consistency model")
        let (high, low) = (
            pow(options.largest, 1 / options.rho), pow(options.smallest, 1 / options.rho)
        )
        let levels = timesteps.reversed().map {
            pow(high + Double($0) / Double(max(n - 1, 1)) * (low - high), options.rho)
        }
        sigmas = levels + [options.smallest]
        self.timesteps = levels.map { 250 * log($0) }
        self.options = options
        try checkPath(levels, "consistency model")
    }

    public var initialDeviation: Double { options.largest }

    public func level(at i: Int) -> NoiseLevel { NoiseLevel(signal: 1, noise: sigmas[i]) }

    public func modelInput(_ x: Tensor, at i: Int) -> Tensor {
        x * Float(1 / (sigmas[i] * sigmas[i] + square(options.dataDeviation)).squareRoot())
    }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        let (sigma, deviation) = (sigmas[i], options.dataDeviation)
        let above = sigma - options.smallest
        let ofOutput = above * deviation / (square(sigma) + square(deviation)).squareRoot()
        let ofInput = square(deviation) / (square(above) + square(deviation))
        let data = mix((ofOutput, y), (ofInput, x))
        let clipped = options.clips ? data.clamped(min: -1, max: 1) : data
        if timesteps.count == 1 { return clipped }
        let next = min(max(sigmas[i + 1], options.smallest), options.largest)
        let added = (square(next) - square(options.smallest)).squareRoot()
        return mix((1, clipped), (options.noiseScale * added, noise()))
    }

    private func square(_ x: Double) -> Double { x * x }
}
