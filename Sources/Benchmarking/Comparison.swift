import Files

// Two runs of one case: which was faster, and do the samples allow to say so?

/// What the samples say of a new run against a base.
package enum Verdict: String, Sendable {
    case faster, slower, same, unsure
}

package struct Comparison: Sendable {
    /// New seconds / base seconds, by the medians.
    package let ratio: Double
    /// Where that ratio lies with 99 % confidence.
    package let interval: ClosedRange<Double>
    package let verdict: Verdict

    /// A difference below this is none.
    package static let threshold = 0.02

    /// Bootstraps the ratio of the medians. Medians of few or noisy samples give wide intervals, and then no verdict.
    package init(base: [Double], new: [Double], resamples: Int = 1000) {
        ratio = middle(new) / middle(base)
        guard base.count >= 3, new.count >= 3, ratio.isFinite else {
            (interval, verdict) = (0...Double.infinity, .unsure)
            return
        }
        var noise = Noise(seed: 1)
        let ratios = (0..<resamples).map { _ in
            middle(resampled(new, &noise)) / middle(resampled(base, &noise))
        }.sorted()
        let tail = resamples / 200
        interval = ratios[tail]...ratios[resamples - 1 - tail]
        let (low, high) = (1 - Comparison.threshold, 1 + Comparison.threshold)
        if interval.upperBound < low {
            verdict = .faster
        } else if interval.lowerBound > high {
            verdict = .slower
        } else if interval.lowerBound >= low - 0.01 && interval.upperBound <= high + 0.01 {
            verdict = .same
        } else {
            verdict = .unsure
        }
    }
}

private func resampled(_ values: [Double], _ noise: inout Noise) -> [Double] {
    values.map { _ in values[Int(noise.next() % UInt64(values.count))] }
}

/// Rows of an earlier run, by what they measured.
package struct Baseline: Sendable {
    private var samples: [String: [Double]] = [:]

    /// Reads JSON lines as `--json` writes them; lines without samples and seconds are passed over.
    package init(lines text: String, name: String) throws(BenchmarkError) {
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            guard line.contains(where: { !$0.isWhitespace }) else { continue }
            add(try JSON.line(line, of: name, number: number + 1))
        }
    }

    private mutating func add(_ row: JSON) {
        guard let key = row["key"]?.string, let seconds = row["seconds"]?.double else { return }
        samples[key] = row["samples"]?.array?.compactMap(\.double) ?? [seconds]
    }

    package var count: Int { samples.count }

    /// How a row compares; nil if the base has no such row.
    package func comparison(with row: Row) -> Comparison? {
        guard let base = samples[row.key], let times = row.times else { return nil }
        return Comparison(base: base, new: times.samples)
    }
}
