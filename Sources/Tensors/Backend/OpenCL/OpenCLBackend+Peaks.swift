import CApus

extension OpenCLBackend: PeakMeasuring, DeviceClock {
    package func measuredPeaks(seconds: Double) -> Peaks {
        var peaks = Peaks()
        peaks.launch = launchLatency()
        peaks.operations = [
            .f32: operations("peak_f32", width: vectorWidth, seconds),
            .i8: operations("peak_i8", width: 4, seconds),
        ]
        // Past the last-level cache, but not much of the device's memory.
        let bytes = min(256 << 20, description.largestBlock / 2, description.globalMemory / 8)
        measureTraffic(bytes / 4 / 4096 * 4096, seconds, &peaks)
        if !description.isCPU { measureTransfers(bytes / 4, &peaks) }
        return peaks
    }

    private var vectorWidth: Int { description.isCPU ? 16 : 4 }
    private var groupSize: Int { min(description.isCPU ? 16 : 256, description.largestGroup) }

    /// The least of the device's seconds for a launch, repeated for some time.
    private func best(_ seconds: Double, _ body: () -> Void) -> Double {
        body()
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        var least = Double.infinity
        repeat {
            let time = deviceSeconds(body)
            if time > 0 { least = min(least, time) }
        } while clock.now < end
        return least
    }

    private func operations(_ kernel: String, width: Int, _ seconds: Double) -> Double {
        let items = max(1, description.computeUnits) * groupSize * (description.isCPU ? 4 : 32)
        let (rounds, chains) = (2048, description.isCPU ? 12 : 8)
        let y = Tensor.uninitialized([items], .f32, on: self)
        let scalars: [KernelArgument] =
            kernel == "peak_i8"
            ? [.int(0x0101_0101), .int(0x0001_0001)] : [.float(0.5), .float(0.25)]
        let least = best(seconds) {
            launch(
                "peak", kernel, [("ROUNDS", rounds), ("CHAINS", chains), ("VEC", vectorWidth)],
                [.tensor(y)] + scalars, global: [items], local: [groupSize])
        }
        return 2 * Double(items * rounds * chains * width) / least
    }

    /// Arrays of `count` floats.
    private func measureTraffic(_ count: Int, _ seconds: Double, _ peaks: inout Peaks) {
        let arrays = (0..<3).map { _ in Tensor.uninitialized([count], .f32, on: self) }
        for array in arrays { generate(.constant(1), into: array) }
        let (x, y, z) = (
            KernelArgument.tensor(arrays[0]), KernelArgument.tensor(arrays[1]),
            KernelArgument.tensor(arrays[2])
        )
        let vectors = count / vectorWidth
        let bytes = Double(count * 4)
        func rate(_ kernel: String, _ arguments: [KernelArgument], items: Int, _ touched: Double)
            -> Double
        {
            let options = [(name: "VEC", value: vectorWidth), (name: "ALIGNED", value: 1)]
            let least = best(seconds) {
                launch("peak", kernel, options, arguments, global: [items], local: [groupSize])
            }
            return touched * bytes / least
        }
        let readers = max(1, description.computeUnits) * groupSize * 8
        let read = rate("peak_read", [x, y, .long(vectors)], items: min(readers, vectors), 1)
        let copy = rate("peak_copy", [x, y], items: vectors, 2)
        peaks.memories = [Peaks.Memory(name: "memory", bytes: .infinity, read: read, copy: copy)]
        peaks.write = rate("peak_write", [y, .float(2)], items: vectors, 1)
        peaks.triad = rate("peak_triad", [x, z, y], items: vectors, 3)
    }

    /// Seconds from launching an empty kernel until the host knows that it is done.
    private func launchLatency() -> Double {
        let clock = ContinuousClock()
        var least = Double.infinity
        for _ in 0..<50 {
            let start = clock.now
            launch("peak", "peak_empty", [], [.long(0)], global: [1], local: [1])
            synchronize()
            least = min(least, (clock.now - start) / .seconds(1))
        }
        return least
    }

    private func measureTransfers(_ count: Int, _ peaks: inout Peaks) {
        var bytes = [UInt8](repeating: 1, count: count)
        let storage = allocate(bytes: count)
        let clock = ContinuousClock()
        var (up, down) = (Double.infinity, Double.infinity)
        for _ in 0..<3 {
            let start = clock.now
            bytes.withUnsafeBytes { upload($0, to: storage, at: 0) }
            synchronize()
            let middle = clock.now
            bytes.withUnsafeMutableBytes { download(storage, at: 0, into: $0) }
            up = min(up, (middle - start) / .seconds(1))
            down = min(down, (clock.now - middle) / .seconds(1))
        }
        (peaks.upload, peaks.download) = (Double(count) / up, Double(count) / down)
    }
}
