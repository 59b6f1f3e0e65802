package import Tensors

/// One kernel whose tile sizes are searched: on which shapes, and among which sizes.
package struct TuningTask: Sendable {
    package let kernel: String
    package let shapeClass: String
    package let benchmark: Case
    package let candidates: [TuningStore.Defines]
}

/// Searches tile sizes on one OpenCL device. A candidate counts only if its result is right.
package struct Tuner {
    private let device: Device
    private let backend: OpenCLBackend

    /// Nil for a device whose kernels have no tile sizes.
    package init?(_ device: Device) {
        guard let backend = device.backend as? OpenCLBackend else { return nil }
        (self.device, self.backend) = (device, backend)
    }

    /// What came of a task: seconds by the device's clock with the sizes used so far, and with the best.
    package struct Outcome: Sendable {
        package let before: Double
        package let best: Double
        package let defines: TuningStore.Defines?
        package let tried: Int
        package let failed: Int
    }

    /// Tries candidates until all are tried or the time is over; the winner is used from then on.
    package func search(_ task: TuningTask, seconds: Double, progress: (Int) -> Void) -> Outcome {
        let workload = task.benchmark.workload()
        let operands = workload.inputs.map { $0.tensor(on: device) }
        let run = workload.bind(operands)
        let former = backend.tuning[task.kernel, task.shapeClass]
        let before = time(run, workload) ?? .infinity
        var best = (seconds: before, defines: former)
        var (tried, failed) = (0, 0)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        for candidate in task.candidates where clock.now < end {
            backend.tuning[task.kernel, task.shapeClass] = candidate
            tried += 1
            if let seconds = time(run, workload) {
                // Less than the noise is no gain.
                if seconds < best.seconds * 0.98 { best = (seconds, candidate) }
            } else {
                failed += 1
            }
            progress(tried)
        }
        // Once more one after the other: the machine may have been slower when the search began.
        backend.tuning[task.kernel, task.shapeClass] = former
        let again = min(before, time(run, workload) ?? .infinity)
        if best.seconds >= again * 0.98 { best = (again, former) }
        backend.tuning[task.kernel, task.shapeClass] = best.defines
        return Outcome(
            before: again, best: best.seconds, defines: best.defines, tried: tried, failed: failed)
    }

    /// Keeps the winners for later runs; false if their file cannot be written.
    package func save() -> Bool { backend.tuning.save() }
    package var path: String? { backend.tuning.path }

    /// The least of some runs by the device's clock; nil if a kernel fails or the result is wrong.
    private func time(_ run: Run, _ workload: any Workload) -> Double? {
        var isRight = false
        let works = Trial.succeeds {
            noGrad { isRight = workload.check(run().map { $0.scalars() }).passed }
        }
        guard works && isRight else { return nil }
        return noGrad {
            (0..<5).compactMap { _ in device.deviceSeconds { _ = run() } }.min()
        }
    }
}

// MARK: what is searched

extension Tuner {
    /// The tasks for this device, the most useful first.
    package func tasks(kernels: [String]?) throws(BenchmarkError) -> [TuningTask] {
        var tasks: [TuningTask] = []
        for (m, n) in [(1024, 1024), (256, 1024), (1024, 256), (32, 1024), (1024, 32)] {
            let c = try Case(.matmul, ["m": m, "n": n, "k": 1024, "transB": 1])
            tasks.append(
                TuningTask(
                    kernel: "matmul", shapeClass: TuningStore.productClass(rows: m, columns: n),
                    benchmark: c, candidates: productTiles(m, n)))
        }
        for (side, channels) in [(32, 320), (16, 256), (32, 32)] {
            let sizes = [
                "n": 2, "cin": channels, "h": side, "w": side, "cout": channels, "k": 3, "pad": 1,
            ]
            let rows = 2 * side * side
            tasks.append(
                TuningTask(
                    kernel: "conv2d",
                    shapeClass: TuningStore.productClass(rows: rows, columns: channels),
                    benchmark: try Case(.conv2d, sizes), candidates: productTiles(rows, channels)))
        }
        tasks += try attentionTasks()
        guard let kernels else { return tasks }
        return tasks.filter { kernels.contains($0.kernel) }
    }

    package static let kernels = ["matmul", "conv2d", "attention"]

    private func attentionTasks() throws(BenchmarkError) -> [TuningTask] {
        var tasks: [TuningTask] = []
        for (heads, queries, headSize) in [
            (12, 512, 64), (8, 512, 128), (8, 1024, 40), (8, 1, 128),
        ] {
            let c = try Case(
                .attention, ["h": heads, "tq": queries, "tk": max(queries, 512), "d": headSize])
            tasks.append(
                TuningTask(
                    kernel: "attention",
                    shapeClass: TuningStore.attentionClass(rows: queries, headSize: headSize),
                    benchmark: c, candidates: attentionTiles()))
        }
        return tasks
    }

    private func attentionTiles() -> [TuningStore.Defines] {
        var tiles: [TuningStore.Defines] = []
        let onCPU = backend.description.isCPU
        for (tx, ty) in onCPU ? [(1, 1)] : [(8, 8), (16, 8), (8, 16), (16, 16), (4, 16)] {
            for rm in onCPU ? [4, 6, 8, 12, 16] : [1, 2, 4] {
                for bn in onCPU ? [16, 32, 64, 128] : [16, 32, 64, 128] {
                    for vec in onCPU ? [8, 16] : [1, 2, 4]
                    where ty * rm <= bn && bn % (tx * vec) == 0
                        && tx * ty <= backend.description.largestGroup
                    {
                        tiles.append(["TX": tx, "TY": ty, "RM": rm, "BN": bn, "VEC": vec])
                    }
                }
            }
        }
        var noise = Noise(seed: 1)
        return tiles.shuffled(using: &noise)
    }

    /// Tiles that the kernels' conditions allow and the device's local memory holds, in an order that soon has seen
    /// something of everything.
    private func productTiles(_ m: Int, _ n: Int) -> [TuningStore.Defines] {
        var tiles: [TuningStore.Defines] = []
        let onCPU = backend.description.isCPU
        for mwg in onCPU ? [4, 6, 8, 12, 14, 16, 24] : [16, 32, 64, 96, 128, 256] {
            for nwg in onCPU ? [16, 32, 48, 64] : [16, 32, 64, 128, 256] {
                for kwg in onCPU ? [16, 32, 64, 128, 256] : [8, 16, 32] {
                    for dims in onCPU ? [(1, 1)] : [(8, 8), (16, 8), (8, 16), (16, 16), (32, 8)] {
                        for vec in onCPU ? [8, 16] : [1, 2, 4] {
                            let tile = [
                                "MWG": mwg, "NWG": nwg, "KWG": kwg, "MDIM": dims.0, "NDIM": dims.1,
                                "VEC": vec,
                            ]
                            if fits(tile, onCPU: onCPU) { tiles.append(tile) }
                        }
                    }
                }
            }
        }
        var noise = Noise(seed: 1)
        return tiles.shuffled(using: &noise)
    }

    private func fits(_ tile: TuningStore.Defines, onCPU: Bool) -> Bool {
        func at(_ name: String) -> Int { tile[name] ?? 1 }
        let (mwg, nwg, kwg) = (at("MWG"), at("NWG"), at("KWG"))
        let (mdim, ndim, vec) = (at("MDIM"), at("NDIM"), at("VEC"))
        let items = mdim * ndim
        let sums = mwg * nwg / items
        return mwg % mdim == 0 && nwg % (ndim * vec) == 0 && (mwg * kwg) % items == 0
            && (kwg * nwg) % items == 0 && (mwg + nwg) * kwg * 4 <= backend.description.localMemory
            && items <= backend.description.largestGroup
            && (onCPU ? sums <= 768 : sums <= 128 && sums >= 4)
    }
}
