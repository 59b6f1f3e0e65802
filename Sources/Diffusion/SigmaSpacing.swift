import Glibc

/// How the noise levels σ of the steps are placed between the largest, hi, and the smallest, lo; u = 0 … 1 over the steps.
///
///     timesteps    those of the timesteps
///     karras       (hi^(1/7) + u (lo^(1/7) - hi^(1/7)))^7
///     exponential  evenly spaced in log σ
///     logSNR       the same, with timesteps rounded to whole ones ("Lu's lambdas")
///     beta         lo + q (hi - lo), q the quantile of the distribution Beta(0.6, 0.6) at 1 - u
public enum SigmaSpacing: Sendable, Equatable {
    case timesteps, karras, exponential, logSNR, beta

    /// Descending from `high` to `low`; only for spacings that do not go by timesteps.
    func sigmas(from high: Double, to low: Double, _ steps: Int) -> [Double] {
        switch self {
        case .timesteps, .exponential, .logSNR:
            return evenlySpaced(from: log(high), to: log(low), steps).map(exp)
        case .karras:
            let (a, b) = (pow(high, 1 / 7), pow(low, 1 / 7))
            return evenlySpaced(from: 0, to: 1, steps).map { pow(a + $0 * (b - a), 7) }
        case .beta:
            return evenlySpaced(from: 0, to: 1, steps).map {
                low + betaQuantile(1 - $0, 0.6) * (high - low)
            }
        }
    }
}

/// The last noise level, after which sampling ends.
public enum FinalSigma: Sendable, Equatable {
    case zero
    /// That of timestep 0.
    case smallest
}

extension NoiseSchedule {
    /// The timestep with this noise level, linearly between log σ of whole ones.
    func timestep(ofSigma sigma: Double) -> Double {
        place(of: log(max(sigma, 1e-10)), in: sigmas.map { log($0) })
    }
}
