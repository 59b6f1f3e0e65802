import Glibc

/// Whole timesteps and noise levels of the multistep solvers. σ is noise / signal, with variances that sum to one; for flow
/// it is the noise itself, and the signal 1 - σ.
struct SolverPath: Sendable {
    var timesteps: [Int]
    /// One more than timesteps: the last is where sampling ends.
    var sigmas: [Double]
    var isFlow = false

    func level(at i: Int) -> NoiseLevel {
        isFlow
            ? NoiseLevel(signal: 1 - sigmas[i], noise: sigmas[i]) : NoiseLevel(sigma: sigmas[i])
    }
}
