// What a list of measured times says.

/// The summary of one row's samples, in seconds.
package struct Statistics: Sendable, Equatable {
    package var samples: [Double]
    package let median: Double
    package let min: Double
    package let mean: Double
    /// The standard deviation of the samples.
    package let deviation: Double
    /// The relative spread that a few outliers do not move: 1.4826 · median(|x - median|) / median.
    package let noise: Double

    package init(_ samples: [Double]) {
        self.samples = samples
        median = middle(samples)
        min = samples.min() ?? .nan
        let n = Double(samples.count)
        let mean = samples.reduce(0, +) / n
        self.mean = mean
        let squares = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = samples.count > 1 ? (squares / (n - 1)).squareRoot() : 0
        let centre = median
        noise = centre > 0 ? 1.4826 * middle(samples.map { abs($0 - centre) }) / centre : 0
    }

    /// Above this the row is flagged.
    package static let noiseLimit = 0.05
    package var isNoisy: Bool { noise > Statistics.noiseLimit }
}

/// The median; NaN of nothing.
package func middle(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let half = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/// A small generator of reproducible numbers (splitmix64).
package struct Noise: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
