public import Tensors

/// Pseudo numerical methods (Liu et al. 2022): Runge-Kutta for the first three steps, then Adams-Bashforth of order four,
/// with a transfer that stays on the data's manifold. gap = ⌊n / steps⌋:
///
///     transfer(x, e, t → p) = √(a_p / a_t) x - (a_p - a_t) e / (a_t √(1 - a_p) + √(a_t (1 - a_t) a_p))
///     Runge-Kutta   e = e₁/6 + e₂/3 + e₃/3 + e₄/6, at t, twice at t - gap/2, and at t - gap
///     Adams-Bashforth   e = (55 e₁ - 59 e₂ + 37 e₃ - 9 e₄) / 24, latest first
///
/// Without Runge-Kutta the order grows from one: first t₀ → t₀ - gap with e₀, then again from the kept x with the mean of
/// e₀ and the output there, then (3, -1) / 2 and (23, -16, 5) / 12.
public struct PNDM: Sampler {
    public let timesteps: [Double]
    private let process: DiffusionProcess
    private let stride: Int
    private let lastAlphaBar: Double
    private let rungeKuttaCount: Int
    /// The latest outputs that Adams-Bashforth mixes, latest last.
    private var history: [Tensor] = []
    /// Runge-Kutta's weighted sum so far, and the x that its evaluations start from.
    private var sum: Tensor?
    private var kept: Tensor?

    public init(
        _ process: DiffusionProcess, steps: Int, spacing: Spacing = .leading(),
        skipsRungeKutta: Bool = false, endsAtData: Bool = false
    ) throws(SamplerError) {
        let n = process.schedule.count
        try checkSteps(steps, of: n, "PNDM")
        guard process.prediction == .noise || process.prediction == .velocity else {
            throw SamplerError("PNDM: needs a model that predicts noise or velocity")
        }
        guard skipsRungeKutta || steps >= 4 else {
            throw SamplerError("PNDM: Runge-Kutta needs 4 steps at least, not \(steps)")
        }
        self.process = process
        stride = n / steps
        lastAlphaBar = endsAtData ? 1 : process.schedule.alphaBars[0]
        let all = spacing.wholeTimesteps(steps, of: n)
        let first = skipsRungeKutta ? [] : PNDM.rungeKuttaTimesteps(all, half: n / steps / 2)
        rungeKuttaCount = first.count
        let rest = skipsRungeKutta ? PNDM.doublingSecond(all) : Array(all[3...])
        timesteps = (first + rest).map { Double($0) }
    }

    /// t₀, twice between t₀ and t₁, twice t₁ (the end of one step, the start of the next) … and t₃.
    private static func rungeKuttaTimesteps(_ all: [Int], half: Int) -> [Int] {
        (0..<3).flatMap { i -> [Int] in
            let (start, end) = (all[i], all[i + 1])
            return [start, end + half, end + half, end]
        }
    }

    private static func doublingSecond(_ all: [Int]) -> [Int] {
        all.count < 2 ? all : [all[0], all[1]] + all[1...]
    }

    public func level(at i: Int) -> NoiseLevel { process.schedule.level(at: Int(timesteps[i])) }

    public mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
    {
        i < rungeKuttaCount ? rungeKutta(y, at: i, from: x) : adamsBashforth(y, at: i, from: x)
    }

    private mutating func rungeKutta(_ y: Tensor, at i: Int, from x: Tensor) -> Tensor {
        let (t, start) = (Int(timesteps[i]), Int(timesteps[i / 4 * 4]))
        let next = i.isMultiple(of: 2) ? t - stride / 2 : t
        var e = y
        switch i % 4 {
        case 0:
            sum = y * Float(1.0 / 6)
            history.append(y)
            kept = x
        case 3: e = mix((1, sum ?? y), (1.0 / 6, y))
        default: sum = mix((1, sum ?? y), (1.0 / 3, y))
        }
        return transferred(kept ?? x, e, from: start, to: next)
    }

    private mutating func adamsBashforth(_ y: Tensor, at i: Int, from x: Tensor) -> Tensor {
        let t = Int(timesteps[i])
        if i == 1 {
            let e = mix((0.5, y), (0.5, history.last ?? y))
            return transferred(kept ?? x, e, from: t + stride, to: t)
        }
        history = history.suffix(3) + [y]
        if i == 0 { kept = x }
        return transferred(x, mixedHistory(), from: t, to: t - stride)
    }

    private func mixedHistory() -> Tensor {
        let e = Array(history.reversed())
        switch e.count {
        case 1: return e[0]
        case 2: return mix((1.5, e[0]), (-0.5, e[1]))
        case 3: return mix((23.0 / 12, e[0]), (-16.0 / 12, e[1]), (5.0 / 12, e[2]))
        default:
            return mix(
                (55.0 / 24, e[0]), (-59.0 / 24, e[1]), (37.0 / 24, e[2]), (-9.0 / 24, e[3]))
        }
    }

    private func transferred(_ x: Tensor, _ e: Tensor, from t: Int, to p: Int) -> Tensor {
        let a = process.schedule.alphaBar(t)
        let b = process.schedule.alphaBar(p, beyond: lastAlphaBar)
        let epsilon = process.prediction.noise(at: process.schedule.level(at: t))(x, e)
        let scale = a * (1 - b).squareRoot() + (a * (1 - a) * b).squareRoot()
        return mix(((b / a).squareRoot(), x), (-(b - a) / scale, epsilon))
    }
}
