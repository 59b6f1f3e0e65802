import CApus

extension CPUBackend: PeakMeasuring {
    package func measuredPeaks(seconds: Double) -> Peaks {
        var peaks = Peaks()
        peaks.launch = apus_peak_launch()
        for type in [DType.f32, .bf16, .i8] {
            peaks.operations[type] = apus_peak_operations(type.c, seconds)
        }
        let caches = apus_cpu_caches()
        let threads = Double(apus_thread_count())
        // A thread's part of a shared cache is measured half full, so that nothing else pushes it out.
        let shared = Double(caches.l3) / threads
        peaks.memories = [
            memory(
                "L2", Double(caches.l2), measuredAt: Double(caches.l2) / 2, streaming: false,
                seconds),
            memory("L3", shared, measuredAt: shared / 2, streaming: false, seconds),
            memory("memory", .infinity, measuredAt: shared * 8, streaming: true, seconds),
        ]
        let large = Int64(shared * 8)
        peaks.write = apus_peak_bandwidth(APUS_TRAFFIC_WRITE, large, true, seconds)
        peaks.triad = apus_peak_bandwidth(APUS_TRAFFIC_TRIAD, large, true, seconds)
        return peaks
    }

    private func memory(
        _ name: String, _ limit: Double, measuredAt bytes: Double, streaming: Bool,
        _ seconds: Double
    ) -> Peaks.Memory {
        let bytes = Int64(bytes)
        let copy = apus_peak_bandwidth(APUS_TRAFFIC_COPY, bytes, streaming, seconds)
        return Peaks.Memory(
            name: name, bytes: limit * Double(apus_thread_count()),
            read: apus_peak_bandwidth(APUS_TRAFFIC_READ, bytes, false, seconds), copy: copy)
    }
}
