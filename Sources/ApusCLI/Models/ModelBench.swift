import Benchmarking
import Files
import Networks
import Tensors

/// `apus bench model NAME`: whole training steps of well-known models, timed.
enum ModelBench {
    static let names = ModelSteps.all.map(\.name)

    static func run(_ arguments: Arguments) throws -> Int32 {
        let name = arguments.words.dropFirst().first ?? ""
        guard arguments.words.count == 2,
            let steps = ModelSteps.all.first(where: { $0.name == name })
        else {
            throw BenchmarkError.usage(
                "bench model needs one of \(names.joined(separator: ", "))")
        }
        let dtype = arguments.text("dtype") ?? "f32"
        guard let precision = Precision(rawValue: dtype) else {
            throw BenchmarkError.usage("--dtype \(dtype): a model trains in f32, bf16 or f16")
        }
        let count = try arguments.int("steps", in: 1...1_000_000) ?? 8
        let device = try TrainCommand.device(arguments, initially: .cpu)
        let output = try Output(arguments.text("json") ?? "-")
        let given = try arguments.text("weights").map {
            try SafetensorsFile(path: $0)
        }
        let source = StepSource(file: given, device: device)
        let timing = try time(steps, count, precision, source)
        let row = JSON.object([
            JSON.Member(key: "engine", value: .string("apus")),
            JSON.Member(key: "model", value: .string(name)),
            JSON.Member(key: "dtype", value: .string(dtype)),
            JSON.Member(key: "device", value: .string(device.name)),
            JSON.Member(key: "threads", value: .number(Double(Threads.count))),
            JSON.Member(key: "seconds", value: .number(timing.statistics.median)),
            JSON.Member(key: "min", value: .number(timing.statistics.min)),
            JSON.Member(key: "last", value: .number(timing.losses[timing.losses.count - 1])),
            JSON.Member(
                key: "losses", value: .array(timing.losses.prefix(10).map { .number($0) })),
            JSON.Member(key: "peak_bytes", value: .number(Double(timing.peak))),
            JSON.Member(key: "system_requests", value: .number(Double(timing.requests))),
        ])
        try output.write(row.text + "\n")
        return 0
    }

    private struct Timing {
        var statistics: Statistics
        /// Of every step, the two that warm up among them.
        var losses: [Double]
        var peak: Int
        /// How often the timed steps asked the system for memory.
        var requests: Int
    }

    private static func time(
        _ steps: ModelSteps, _ count: Int, _ precision: Precision, _ source: StepSource
    ) throws -> Timing {
        let device = source.device
        return try Device.with(device) {
            let step = try steps.make(precision, source)
            var losses = (0..<2).map { step($0) }
            let before = device.memory.systemRequests
            let samples = (0..<count).map { i in
                let start = ContinuousClock.now
                losses.append(step(i + 2))
                let elapsed = ContinuousClock.now - start
                return Double(elapsed.components.seconds)
                    + Double(elapsed.components.attoseconds) * 1e-18
            }
            let memory = device.memory
            return Timing(
                statistics: Statistics(samples), losses: losses, peak: memory.peak,
                requests: memory.systemRequests - before)
        }
    }
}
