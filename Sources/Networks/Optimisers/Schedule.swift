import Glibc

/// The learning rate of each step 0, 1, ….
public enum Schedule: Sendable, Hashable, Codable {
    case constant
    /// Rises linearly over `warmup` steps.
    case constantWithWarmup(warmup: Int)
    /// … then falls linearly to 0 at step `steps`.
    case linear(warmup: Int, steps: Int)
    /// … then follows `cycles` turns of a cosine; half a turn falls from 1 to `floor` (a share of lr).
    case cosine(warmup: Int, steps: Int, cycles: Double = 0.5, floor: Double = 0)
    /// … then falls from 1 to 0 along a half cosine, `restarts` times.
    case cosineWithRestarts(warmup: Int, steps: Int, restarts: Int)
    /// … then falls to `end` along a power.
    case polynomial(warmup: Int, steps: Int, end: Double, power: Double)
    /// … then falls like 1 / √step.
    case inverseSqrt(warmup: Int, timescale: Int? = nil)
    /// × gamma every `size` steps.
    case step(size: Int, gamma: Double)
    /// × gamma at each milestone.
    case multiStep(milestones: [Int], gamma: Double)
    /// × gamma at every step.
    case exponential(gamma: Double)
    /// Down to `end` at step `period` along a half cosine, and up again.
    case cosineAnnealing(period: Int, end: Double)
    case oneCycle(OneCycle)

    /// The rate of a step for a base rate lr.
    public func callAsFunction(_ step: Int, lr: Double) -> Double {
        let s = Double(step)
        switch self {
        case .constant: return lr
        case .step(let size, let gamma): return lr * pow(gamma, (s / Double(size)).rounded(.down))
        case .multiStep(let milestones, let gamma):
            return lr * pow(gamma, Double(milestones.filter { $0 <= step }.count))
        case .exponential(let gamma): return lr * pow(gamma, s)
        case .cosineAnnealing(let period, let end):
            return end + (lr - end) * (1 + cos(.pi * s / Double(period))) / 2
        case .oneCycle(let cycle): return cycle.rate(s)
        default:
            if step < warmup { return lr * s / Double(warmup) }
            return afterWarmup(s, lr)
        }
    }

    private var warmup: Int {
        switch self {
        case .constantWithWarmup(let w), .linear(let w, _), .cosine(let w, _, _, _),
            .cosineWithRestarts(let w, _, _), .polynomial(let w, _, _, _), .inverseSqrt(let w, _):
            w
        default: 0
        }
    }

    private func afterWarmup(_ s: Double, _ lr: Double) -> Double {
        let w = Double(warmup)
        /// How much of the way after warm-up is done.
        func progress(_ steps: Int) -> Double { (s - w) / max(1, Double(steps) - w) }
        switch self {
        case .linear(_, let steps):
            return lr * max(0, (Double(steps) - s) / max(1, Double(steps) - w))
        case .cosine(_, let steps, let cycles, let floor):
            let f = max(0, (1 + cos(2 * .pi * cycles * progress(steps))) / 2)
            return lr * (f * (1 - floor) + floor)
        case .cosineWithRestarts(_, let steps, let restarts):
            let q = progress(steps)
            if q >= 1 { return 0 }
            let turn = (Double(restarts) * q).truncatingRemainder(dividingBy: 1)
            return lr * max(0, (1 + cos(.pi * turn)) / 2)
        case .polynomial(_, let steps, let end, let power):
            if s > Double(steps) { return end }
            return (lr - end) * pow(1 - (s - w) / (Double(steps) - w), power) + end
        case .inverseSqrt(_, let timescale):
            let scale = Double(timescale ?? warmup)
            return lr / ((s + scale - w) / scale).squareRoot()
        default: return lr
        }
    }
}

/// One rise and one fall (Smith 2018), or with three phases a rise, the same way down and a last fall.
public struct OneCycle: Sendable, Hashable, Codable {
    public var highest: Double
    public var steps: Int
    public var rise = 0.3
    public var isLinear = false
    /// It starts at highest / divisor and ends at that / finalDivisor.
    public var divisor = 25.0
    public var finalDivisor = 1e4
    public var hasThreePhases = false

    public init(highest: Double, steps: Int) { (self.highest, self.steps) = (highest, steps) }

    func rate(_ s: Double) -> Double {
        let start = highest / divisor
        let (end, peak) = (start / finalDivisor, rise * Double(steps) - 1)
        var phases = [(until: peak, from: start, to: highest)]
        if hasThreePhases { phases.append((2 * peak, highest, start)) }
        phases.append((Double(steps - 1), phases.last?.to ?? highest, end))
        var begin = 0.0
        for phase in phases {
            if s <= phase.until || phase.until == Double(steps - 1) {
                let fraction = (s - begin) / (phase.until - begin)
                if isLinear { return phase.from + (phase.to - phase.from) * fraction }
                return phase.to + (phase.from - phase.to) / 2 * (1 + cos(.pi * fraction))
            }
            begin = phase.until
        }
        return end
    }
}
