import Benchmarking
import Files
import Tensors

/// `apus devices`: what there is to compute on, and with `--measure` how fast it is.
enum DevicesCommand: Command {
    static let name = "devices"
    static let summary = "List the CPU and the OpenCL devices; measure what they can do at most."
    static let usage = "[--measure] [--json FILE]"
    static let flags = [
        Flag(
            "measure", nil, "measure peaks: FLOP/s, memory and transfer bandwidth, launch latency"),
        Flag("json", "FILE", "one JSON object a device, to a file or - for the standard output"),
        Flag.device, Flag.threads,
    ]

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.isEmpty else {
            throw BenchmarkError.usage(
                "apus devices takes no words, but there is \(arguments.words[0])")
        }
        try setThreads(arguments)
        let output = try arguments.text("json").map { path throws(BenchmarkError) in
            try Output(path)
        }
        let devices =
            try arguments.has("device")
            ? ListedDevice.named(arguments.list("device")) : ListedDevice.all
        var lines = ""
        for listed in devices {
            let peaks = arguments.has("measure") ? listed.device.measuredPeaks(seconds: 0.2) : nil
            if output?.isStandard != true { show(listed, peaks) }
            lines += json(listed, peaks).text + "\n"
        }
        try output?.write(lines)
        if output?.isStandard != true, let problem = ListedDevice.openCLProblem { print(problem) }
        return 0
    }

    private static func show(_ listed: ListedDevice, _ peaks: Peaks?) {
        print(Terminal.styled(listed.device.name.padded(10), "1") + " " + listed.title)
        for fact in listed.facts + (peaks.map(facts) ?? []) {
            print("           " + fact.name.padded(14) + " " + fact.value)
        }
    }

    private static func facts(_ peaks: Peaks) -> [(name: String, value: String)] {
        let rates = [DType.f32, .bf16, .i8].compactMap { type in
            peaks.operations[type].map {
                "\(type == .i8 ? "int8" : type.description) \(short($0 / 1e9))"
            }
        }
        var facts = [("peak", rates.joined(separator: ", ") + " GFLOP/s (int8: GOP/s)")]
        for memory in peaks.memories {
            let reach = memory.bytes.isFinite ? "up to \(size(memory.bytes)): " : ""
            facts.append(
                (
                    memory.name,
                    reach
                        + "read \(short(memory.read / 1e9)), copy \(short(memory.copy / 1e9)) GB/s"
                ))
        }
        facts.append(
            ("", "write \(short(peaks.write / 1e9)), triad \(short(peaks.triad / 1e9)) GB/s"))
        facts.append(("launch", duration(peaks.launch)))
        if let up = peaks.upload, let down = peaks.download {
            facts.append(("transfer", "up \(short(up / 1e9)), down \(short(down / 1e9)) GB/s"))
        }
        return facts
    }

    private static func json(_ listed: ListedDevice, _ peaks: Peaks?) -> JSON {
        let facts = listed.facts.map { JSON.Member(key: $0.name, value: .string($0.value)) }
        return JSON([
            "device": .string(listed.device.name), "model": .string(listed.title),
            "facts": .object(facts),
            "peaks": peaks?.json,
        ])
    }
}
