import Glibc
import Tensors

/// Bounds for σ instead of the schedule's own.
public struct SigmaRange: Sendable, Equatable {
    public var smallest: Double?
    public var largest: Double?

    public init(smallest: Double? = nil, largest: Double? = nil) {
        (self.smallest, self.largest) = (smallest, largest)
    }
}

/// How σ goes between whole timesteps; logarithmic leaves the timesteps aside and goes from the largest σ to the smallest.
public enum SigmaInterpolation: Sendable, Equatable { case linear, logarithmic }

/// Timesteps and noise levels of the samplers that step in σ: the model's input is x / √(σ² + 1).
struct SigmaPath {
    var timesteps: [Double]
    var sigmas: [Double]

    /// - Parameter timesteps: descending; replaced by those of the σ where these are spaced otherwise.
    init(
        _ schedule: NoiseSchedule, _ timesteps: [Double], _ spacing: SigmaSpacing,
        range: SigmaRange = SigmaRange(), interpolation: SigmaInterpolation = .linear
    ) {
        let table = schedule.sigmas
        self.timesteps = timesteps
        switch interpolation {
        case .linear: sigmas = timesteps.map { interpolated(table, at: $0) }
        case .logarithmic:
            sigmas = SigmaSpacing.exponential.sigmas(
                from: table[table.count - 1], to: table[0], timesteps.count + 1)
        }
        if spacing == .timesteps { return }
        sigmas = spacing.sigmas(
            from: range.largest ?? sigmas[0], to: range.smallest ?? sigmas[sigmas.count - 1],
            timesteps.count)
        self.timesteps = sigmas.map { schedule.timestep(ofSigma: $0) }
    }
}

/// ¼ log σ, what continuous-time models are told.
func logTimesteps(_ sigmas: ArraySlice<Double>) -> [Double] { sigmas.map { 0.25 * log($0) } }

/// x / √(σ² + 1)
func normalised(_ x: Tensor, sigma: Double) -> Tensor {
    x * Float(1 / (sigma * sigma + 1).squareRoot())
}

/// The start is noise of the largest σ; leading timesteps begin early, where the data still counts.
func startDeviation(_ sigmas: [Double], _ spacing: Spacing) -> Double {
    let largest = sigmas.max() ?? 1
    if case .leading = spacing { return (largest * largest + 1).squareRoot() }
    return largest
}
