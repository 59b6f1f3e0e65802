import Glibc

/// Random numbers for data that is made or shuffled on the host: the same from the same seed, everywhere.
///
/// SplitMix64 (Steele et al. 2014): a counter whose bits are mixed.
public struct Dice: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64, stream: UInt64 = 0) {
        state = seed ^ (stream &* 0xd134_2543_de82_ef95)
        _ = next()
        state ^= stream
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// 0 ..< 1
    public mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }

    public mutating func between(_ low: Float, _ high: Float) -> Float {
        low + (high - low) * unit()
    }

    /// 0 ..< limit
    public mutating func whole(below limit: Int) -> Int {
        Int(next(upperBound: UInt64(max(1, limit))))
    }

    public mutating func choice<T>(_ list: [T]) -> T { list[whole(below: list.count)] }

    /// With mean 0 and variance 1 (Box & Muller 1958).
    public mutating func normal() -> Float {
        let radius = (-2 * logf(max(unit(), 0x1p-24))).squareRoot()
        return radius * cosf(2 * .pi * unit())
    }
}
