import Glibc

/// Which of the n training timesteps are visited in a given number of steps, last first.
///
///     leading   i ⌊n / steps⌋ + offset
///     linspace  evenly spaced from 0 to n - 1
///     trailing  round(n - i n / steps) - 1
public enum Spacing: Sendable, Equatable {
    case leading(offset: Int = 0)
    case linspace
    case trailing

    /// Descending; `linspace` is not rounded.
    func timesteps(_ steps: Int, of n: Int) -> [Double] {
        switch self {
        case .leading(let offset):
            (0..<steps).reversed().map { Double($0 * (n / steps) + offset) }
        case .linspace: evenlySpaced(from: 0, to: Double(n - 1), steps).reversed()
        case .trailing: trailing(from: n, steps, of: n)
        }
    }

    /// Descending whole timesteps; halves go to the even one.
    func wholeTimesteps(_ steps: Int, of n: Int) -> [Int] {
        timesteps(steps, of: n).map { Int($0.rounded(.toNearestOrEven)) }
    }

    /// As the multistep solvers count: one point more, of which the last (t = 0) is the end and no step.
    /// Timesteps at or above `last` are not visited.
    func solverTimesteps(_ steps: Int, of n: Int, below last: Int) -> [Int] {
        switch self {
        case .leading(let offset):
            (1..<steps + 1).reversed().map { $0 * (last / (steps + 1)) + offset }
        case .linspace:
            evenlySpaced(from: 0, to: Double(last - 1), steps + 1).dropFirst().reversed().map {
                Int($0.rounded(.toNearestOrEven))
            }
        case .trailing: trailing(from: last, steps, of: n).map { Int($0) }
        }
    }

    /// From `last` down to 0 in strides of n / steps, in NumPy's order of operations.
    private func trailing(from last: Int, _ steps: Int, of n: Int) -> [Double] {
        let (start, stride) = (Double(last), Double(n) / Double(steps))
        let delta = (start - stride) - start
        let count = min(Int((start / stride).rounded(.up)), steps)
        return (0..<count).map { (start + Double($0) * delta).rounded(.toNearestOrEven) - 1 }
    }
}

/// Fails unless the number of steps fits into the training timesteps.
func checkSteps(_ steps: Int, of n: Int, _ sampler: String) throws(SamplerError) {
    guard steps >= 1, steps <= n else {
        throw SamplerError("\(sampler): \(steps) steps, but 1 to \(n) can be sampled")
    }
}

/// Fails unless the timesteps go down from one below n and end at 0 or above.
func checkDescending(_ timesteps: [Int], of n: Int, _ sampler: String) throws(SamplerError) {
    let descends = zip(timesteps, timesteps.dropFirst()).allSatisfy { $0 > $1 }
    guard let first = timesteps.first, let last = timesteps.last, descends, first < n, last >= 0
    else {
        throw SamplerError("\(sampler): timesteps must go down from below \(n): \(timesteps)")
    }
}
