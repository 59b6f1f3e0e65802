import Benchmarking
import Files
import Glibc
import Networks
import Tensors

/// `apus demo`: what this machine has, how fast three kernels are on it, and two models that learn before the user's eyes.
enum DemoCommand: Command {
    static let name = "demo"
    static let summary =
        "Show the devices, a short checked benchmark, and a GPT and a diffusion model that learn."
    static let usage = "[--report FILE] [--out FOLDER] [--steps N]"
    static let flags = [
        Flag("report", "FILE", "where the roofline page goes (apus-report.html)"),
        Flag("out", "FOLDER", "where the two runs are kept (apus-demo)"),
        Flag("steps", "N", "training steps of each model (gpt 1200, ddpm 800)"),
        Flag.device, Flag.threads,
    ]

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.isEmpty else {
            throw BenchmarkError.usage("demo takes no words, but there is \(arguments.words[0])")
        }
        try setThreads(arguments)
        let steps = try arguments.int("steps", in: 1...100_000)
        let report = try Output(arguments.text("report") ?? "apus-report.html")
        let devices =
            try arguments.has("device")
            ? ListedDevice.named(arguments.list("device")) : ListedDevice.all
        title("What there is to compute on")
        for listed in devices { show(listed) }
        if let problem = ListedDevice.openCLProblem { print("  \(problem)") }
        title("Three kernels, checked before they are timed")
        let failed = try benchmark(devices, report)
        let place = devices.count == 1 ? devices[0].device : .best
        let out = arguments.text("out") ?? "apus-demo"
        var learned = true
        for lesson in Lesson.all {
            title("\(lesson.title), on \(place.name)")
            learned =
                try lesson.run(steps, in: RunFolder("\(out)/\(lesson.recipe.name)"), place)
                && learned
        }
        return failed || !learned ? 1 : 0
    }

    private static func title(_ text: String) {
        print("\n" + Terminal.styled(text, "1"))
        fflush(nil)
    }

    private static func show(_ listed: ListedDevice) {
        print("  " + listed.device.name.padded(10) + listed.title)
        for fact in listed.facts { print("            " + fact.name.padded(13) + fact.value) }
    }

    // MARK: the benchmark

    /// Whether a row failed.
    private static func benchmark(_ devices: [ListedDevice], _ report: Output) throws -> Bool {
        var measurement = Measurement()
        (measurement.seconds, measurement.includesPeers) = (0.25, true)
        let cases = try [
            Case(.matmul, ["m": 1024, "n": 1024, "k": 1024]),
            Case(.matmul, ["m": 1024, "n": 1024, "k": 1024], dtype: .bf16),
            Case(.attention, ["h": 12, "tq": 1024, "tk": 1024, "d": 64, "causal": 1]),
            Case(.conv2d, ["n": 1, "cin": 320, "h": 32, "w": 32, "cout": 320, "k": 3, "pad": 1]),
        ]
        let places = devices.map { listed in
            Environment.Place(
                name: listed.device.name, title: listed.title, facts: listed.facts,
                peaks: listed.device.measuredPeaks(seconds: 0.05))
        }
        let environment = Environment(
            version: Apus.version, command: "apus demo", date: timestamp(), places: places)
        let table = Table(
            cases: cases, devices: devices.map(\.device.name),
            hasDeviceTime: devices.contains { $0.device != .cpu }, compares: false)
        for place in places { print("  \(place.name): \(place.peaks.summary)") }
        print("\n  " + Terminal.styled(table.heading, "1"))
        var rows: [Row] = []
        for c in cases {
            for (listed, place) in zip(devices, places) {
                let runner = Runner(
                    device: listed.device, peaks: place.peaks, available: listed.memory,
                    measurement: measurement)
                for row in runner.rows(c) {
                    print("  " + table.line(row))
                    fflush(nil)
                    rows.append(row)
                }
            }
        }
        try report.write(HTMLReport(environment, rows: rows).text)
        print("\n  The rooflines: \(report.path). All of it: apus bench --html report.html")
        return rows.contains { $0.failure != nil }
    }
}

/// The time of day as "2026-01-31 14:05:06".
func timestamp() -> String {
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
        + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
}
