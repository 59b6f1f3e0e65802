package import Files
package import Tensors

/// One line of the table: what was measured of a case on a device.
package struct Row: Sendable {
    package enum Bound: String, Sendable { case memory, compute, launch }

    /// Where a row stands under the roofs of its device.
    package struct Roofline: Sendable {
        package let bound: Bound
        /// The least seconds that the roofs allow.
        package let floor: Double
        package let memory: Peaks.Memory
    }

    package var benchmark: Case
    package var device: String
    package var threads: Int
    package var kernel = ""
    /// The library that ran it, if it was not this one.
    package var peer: String?
    package var isCold = false
    package var times: Statistics?
    /// Seconds on the device by its own clock, the median.
    package var deviceSeconds: Double?
    package var check: Check?
    package var roofline: Roofline?
    /// Why there is no time, or why it does not count.
    package var failure: String?
    package var comparison: Comparison?

    package init(_ benchmark: Case, device: String, threads: Int) {
        (self.benchmark, self.device, self.threads) = (benchmark, device, threads)
    }

    /// What the row is found by in another run.
    package var key: String {
        var words = [benchmark.description, device]
        if device == "cpu" { words.append("threads=\(threads)") }
        if isCold { words.append("cold") }
        if let peer { words.append(peer) }
        return words.joined(separator: " ")
    }

    package var seconds: Double? { times?.median }
    package var gflops: Double? { seconds.map { benchmark.flops / $0 / 1e9 } }
    package var gbs: Double? { seconds.map { benchmark.bytes / $0 / 1e9 } }
    /// How much of what the roofs allow was reached, in percent.
    package var percentOfPeak: Double? {
        guard let seconds, let roofline else { return nil }
        return 100 * roofline.floor / seconds
    }

    /// The command that measures this row again.
    package var command: String {
        var words = ["apus bench", benchmark.description, "--device \(device)"]
        if device == "cpu" { words.append("--threads \(threads)") }
        if isCold { words.append("--cold") }
        return words.joined(separator: " ")
    }
}

extension Row.Roofline {
    /// Under the roofs of a device: whichever of arithmetic, memory and launching takes longest.
    package init?(_ c: Case, peaks: Peaks, isCold: Bool, writtenShare: Double) {
        let operations = peaks.operations(for: c.weights == nil ? c.dtype : .i8)
        guard let memory = isCold ? peaks.memories.last : peaks.memory(for: c.bytes), operations > 0
        else {
            return nil
        }
        let compute = c.flops / operations
        let traffic = c.bytes / (writtenShare < 0.1 ? memory.read : max(memory.read, memory.copy))
        floor = max(compute, traffic, peaks.launch)
        self.memory = memory
        bound = floor == peaks.launch ? .launch : floor == compute ? .compute : .memory
    }
}

extension Row {
    /// One line of JSON output.
    package var json: JSON {
        let benchmarkID = JSON(benchmark.id)
        return JSON([
            "id": peer == nil ? benchmarkID : nil,
            "peer_of": peer == nil ? nil : benchmarkID,
            "op": .string(benchmark.operation.rawValue),
            "case": .string(benchmark.description),
            "why": benchmark.note.isEmpty ? nil : .string(benchmark.note),
            "dtype": .string(benchmark.dtype.description),
            "weights": (benchmark.weights?.name).map { .string($0) },
            "pass": .string(benchmark.pass),
            "device": .string(device),
            "peer": peer.map { .string($0) },
            "kernel": .string(kernel),
            "seconds": seconds.map { .number($0) },
            "min": times.map { .number($0.min) },
            "mean": times.map { .number($0.mean) },
            "deviation": times.map { .number($0.deviation) },
            "noise": times.map { .number($0.noise) },
            "noisy": times.map { .bool($0.isNoisy) },
            "device_seconds": deviceSeconds.map { .number($0) },
            "gflops": gflops.map { .number($0) },
            "gbs": gbs.map { .number($0) },
            "flops": .number(benchmark.flops),
            "bytes": .number(benchmark.bytes),
            "percent_of_peak": percentOfPeak.map { .number($0) },
            "bound": roofline.map { .string($0.bound.rawValue) },
            "cold": .bool(isCold),
            "threads": JSON(threads),
            "verified": .bool(check?.passed ?? false),
            "checked": check.map { JSON($0.compared) },
            "error": check.map { .number($0.worst) },
            "failure": failure.map { .string($0) },
            "verdict": comparison.map { .string($0.verdict.rawValue) },
            "ratio": comparison.map { .number($0.ratio) },
            "command": .string(command),
            "key": .string(key),
            "samples": times.map { JSON($0.samples) },
        ])
    }
}
