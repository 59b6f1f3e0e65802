import Glibc
import Tensors

/// How queries and keys turn by their positions, and how that stretches beyond the trained length.
public struct RotaryPositions: Sendable, Hashable {
    public var base: Double
    /// The first `dims` channels of a head turn.
    public var dims: Int
    /// Pairs are (2i, 2i + 1) instead of (i, i + dims / 2).
    public var isInterleaved = false
    public var scaling = Scaling.none
    /// Divide the frequencies; empty: none do.
    public var divisors: [Double] = []

    public init(base: Double, dims: Int) { (self.base, self.dims) = (base, dims) }

    public enum Scaling: Sendable, Hashable {
        case none
        case linear(factor: Double)
        /// The base grows with the sequence beyond the trained length.
        case dynamic(factor: Double, trained: Int)
        case llama3(factor: Double, low: Double, high: Double, trained: Int)
        case yarn(YaRN)
        /// Divisors for sequences up to the trained length, and for longer ones.
        case long(short: [Double], long: [Double], trained: Int, scale: Double)
    }

    public struct YaRN: Sendable, Hashable {
        public var factor: Double
        public var trained: Int
        public var fast = 32.0
        public var slow = 1.0
        public var truncates = true
        /// Of the cosines and sines.
        public var scale: Double
    }

    /// Whether the frequencies depend on how long the sequence is at the moment.
    var followsLength: Bool { if case .dynamic = scaling { true } else { false } }
}

extension RotaryPositions {
    /// The frequency of each pair of channels, for sequences of up to `length` tokens: dims / 2.
    public func frequencies(length: Int) -> [Float] {
        let plain = (0..<dims / 2).map { power(base(length), -2 * Double($0) / Double(dims)) }
        let divided = divisors.isEmpty ? plain : zip(plain, divisors).map { $0 / $1 }
        switch scaling {
        case .none, .dynamic: return divided.map { Float($0) }
        case .linear(let factor): return divided.map { Float($0 / factor) }
        case .llama3(let factor, let low, let high, let trained):
            return divided.map {
                let ramp = (Double(trained) * $0 / (2 * .pi) - low) / (high - low)
                let share = min(max(ramp, 0), 1)
                return Float($0 * (share + (1 - share) / factor))
            }
        case .yarn(let yarn): return yarn.stretched(divided, base, dims)
        case .long(let short, let long, let trained, _):
            return zip(divided, length > trained ? long : short).map { Float($0 / $1) }
        }
    }

    /// Multiplies cosines and sines.
    public var scale: Float {
        switch scaling {
        case .yarn(let yarn): Float(yarn.scale)
        case .long(_, _, _, let scale): Float(scale)
        default: 1
        }
    }

    private func base(_ length: Int) -> Double {
        guard case .dynamic(let factor, let trained) = scaling, length > trained, dims > 2 else {
            return base
        }
        let stretch = factor * Double(length) / Double(trained) - (factor - 1)
        return base * power(stretch, Double(dims) / Double(dims - 2))
    }
}

extension RotaryPositions.YaRN {
    /// Slow pairs are stretched, fast ones are not, those between in part.
    func stretched(_ frequencies: [Double], _ base: Double, _ dims: Int) -> [Float] {
        /// The pair that turns this often within the trained length.
        func pair(turns: Double) -> Double {
            Double(dims) * log(Double(trained) / (turns * 2 * .pi)) / (2 * log(base))
        }
        var (low, high) = (pair(turns: fast), pair(turns: slow))
        if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        (low, high) = (max(low, 0), min(high, Double(dims - 1)))
        if low == high { high += 0.001 }
        return frequencies.enumerated().map { i, f in
            let ramp = min(max((Double(i) - low) / (high - low), 0), 1)
            return Float(f / factor * ramp + f * (1 - ramp))
        }
    }

    /// The scale of the cosines and sines that goes with a factor.
    static func scale(_ factor: Double, _ weight: Double = 1) -> Double {
        factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1
    }
}
