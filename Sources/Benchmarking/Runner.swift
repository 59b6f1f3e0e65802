package import Tensors

/// How long and how a case is measured.
package struct Measurement: Sendable {
    /// Samples are taken until this much time is spent, but at least `samples.lowerBound` of them and no more than the
    /// upper bound.
    package var seconds = 0.3
    package var samples = 5...200
    /// Operands and results are rotated past the last-level cache, so that every run finds them in memory.
    package var isCold = false
    package var includesPeers = false

    package init() {}
}

/// Checks and measures cases on one device.
package struct Runner {
    package let device: Device
    package let name: String
    package let peaks: Peaks
    package let measurement: Measurement
    /// Bytes that cases may take, and whose they are.
    private let available: Double

    package init(device: Device, peaks: Peaks, available: Double, measurement: Measurement) {
        self.device = device
        name = device.name
        self.peaks = peaks
        self.available = available
        self.measurement = measurement
    }

    /// The row of a case and those of its peers.
    package func rows(_ c: Case) -> [Row] {
        noGradForForward(c) { measured(c) }
    }

    private func noGradForForward<R>(_ c: Case, _ body: () -> R) -> R {
        c.backward ? body() : noGrad(body)
    }

    private func measured(_ c: Case) -> [Row] {
        var row = Row(c, device: name, threads: Threads.count)
        row.isCold = measurement.isCold
        guard c.footprint <= available else {
            row.failure = "it takes \(size(c.footprint)), but there are \(size(available))"
            return [row]
        }
        let workload = c.workload()
        let operands = copies(of: workload.inputs.map { $0.tensor(on: device) }, c)
        let runs = operands.map { workload.bind($0) }
        row.kernel = workload.kernel(operands[0])
        var results: [Tensor] = []
        let launched = LaunchLog.kernels { results = runs[0]() }
        if !launched.isEmpty { row.kernel = launched.joined(separator: " + ") }
        let written = results.reduce(0) { $0 + $1.count * $1.dtype.size }
        row.roofline = Row.Roofline(
            c, peaks: peaks, isCold: row.isCold, writtenShare: Double(written) / max(1, c.bytes))
        measure(&row, workload, results, runs)
        let peers = measurement.includesPeers ? workload.peers(operands[0]) : []
        return [row] + peers.compactMap { measured($0, workload, like: row) }
    }

    /// The check comes first: a wrong result is not timed.
    private func measure(
        _ row: inout Row, _ workload: any Workload, _ results: [Tensor], _ runs: [Run]
    ) {
        let check = workload.check(results.map { $0.scalars() })
        row.check = check
        guard check.passed else {
            row.failure = "wrong result: " + (check.problem ?? "")
            return
        }
        row.times = Statistics(time(runs))
        row.deviceSeconds = deviceTime(runs[0])
    }

    private func measured(_ peer: Peer, _ workload: any Workload, like row: Row) -> Row? {
        guard let results = peer.run() else { return nil }
        var other = row
        (other.peer, other.kernel, other.deviceSeconds) = (peer.name, peer.name, nil)
        measure(&other, workload, results, [{ peer.run() ?? [] }])
        return other
    }

    /// One set of operands; for cold runs as many as are needed to push each other out of the last-level cache.
    private func copies(of operands: [Tensor], _ c: Case) -> [[Tensor]] {
        guard measurement.isCold else { return [operands] }
        let cache = Double(CPUDescription.current.caches.last ?? 0)
        let wanted = (3 * cache / max(1, c.bytes)).rounded(.up)
        let most = max(1, min(256, available / 2 / max(1, c.footprint)))
        return [operands]
            + (1..<max(2, Int(min(wanted, most)))).map { _ in operands.map { $0.copied() } }
    }

    // MARK: the clock

    /// Seconds of each sample, after runs that do not count until two of them agree.
    private func time(_ runs: [Run]) -> [Double] {
        var turn = 0
        // Cold results rotate too: an old one is let go of only when it has left the cache.
        var kept = [[Tensor]](repeating: [], count: measurement.isCold ? runs.count : 1)
        func sample() -> Double {
            turn += 1
            let run = runs[turn % runs.count]
            if !measurement.isCold { kept[0] = [] }
            let clock = ContinuousClock()
            let start = clock.now
            let results = run()
            device.synchronize()
            let elapsed = clock.now - start
            kept[turn % kept.count] = results
            return elapsed / .seconds(1)
        }
        warmUp(sample)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(measurement.seconds)
        var samples: [Double] = []
        while samples.count < measurement.samples.lowerBound
            || (clock.now < end && samples.count < measurement.samples.upperBound)
        {
            samples.append(sample())
        }
        return samples
    }

    private func warmUp(_ sample: () -> Double) {
        var spent = sample()
        var last = spent
        while spent < measurement.seconds / 4 {
            let next = sample()
            spent += next
            if abs(next - last) < 0.03 * last && spent > measurement.seconds / 20 { return }
            last = next
        }
    }

    /// The median of three runs by the device's clock, where it has one.
    private func deviceTime(_ run: Run) -> Double? {
        let times = (0..<3).compactMap { _ in device.deviceSeconds { _ = run() } }
        return times.isEmpty ? nil : middle(times)
    }
}
