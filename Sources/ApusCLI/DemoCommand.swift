import Benchmarking
import Files
import Glibc
import Tensors

/// `apus demo`: what this machine has, how fast three kernels are on it, and a small network that learns before the
/// user's eyes.
enum DemoCommand: Command {
    static let name = "demo"
    static let summary =
        "Show the devices, a short checked benchmark with its roofline, and a network that learns."
    static let usage = "[--report FILE] [--steps N]"
    static let flags = [
        Flag("report", "FILE", "where the roofline page goes (apus-report.html)"),
        Flag("steps", "N", "training steps (1500)"),
        Flag.device, Flag.threads,
    ]

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.isEmpty else {
            throw BenchmarkError.usage("demo takes no words, but there is \(arguments.words[0])")
        }
        try setThreads(arguments)
        let steps = try arguments.int("steps", in: 1...100_000) ?? 1500
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
        title("A network learns two spirals on \(place.name)")
        let accuracy = train(steps, on: place)
        return failed || accuracy < 0.95 ? 1 : 0
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

    // MARK: the network

    /// Trains, shows it, and gives the share of points that end in the right class.
    private static func train(_ steps: Int, on device: Device) -> Double {
        var spirals = Spirals(on: device)
        let clock = ContinuousClock()
        let start = clock.now
        var shown = start
        var lines = 0
        while spirals.step < steps {
            spirals.train(of: steps)
            // A slow device ends early rather than late.
            let elapsed = clock.now - start
            if elapsed > .seconds(40) { break }
            if Terminal.isPresent && spirals.step % max(1, steps / 100) == 0 {
                lines = draw(spirals, steps, over: lines)
                // A fast machine waits for the eye.
                let rest = 0.05 - (clock.now - shown) / .seconds(1)
                if rest > 0 { usleep(UInt32(rest * 1e6)) }
                shown = clock.now
            }
        }
        _ = draw(spirals, steps, over: lines)
        let seconds = (clock.now - start) / .seconds(1)
        let accuracy = spirals.accuracy
        print(
            "  \(spirals.step) steps in \(short(seconds)) s; "
                + "\(fixed(accuracy * 100, 1)) % of the points are in the right class.")
        return accuracy
    }

    /// Prints the picture, the bar and the loss, over those of the last time; the number of lines.
    private static func draw(_ spirals: Spirals, _ steps: Int, over lines: Int) -> Int {
        let picture = SpiralPicture(spirals)
        let done = spirals.step * 40 / steps
        let bar = String(repeating: "█", count: done) + String(repeating: "░", count: 40 - done)
        var text = Terminal.hasColor ? picture.colored : picture.plain
        text.append("")
        text.append(
            "  \(bar)  step \(spirals.step)  loss \(fixed(Double(spirals.losses.last ?? 0), 4))  ")
        text.append("  loss  \(curve(spirals.losses, width: 48))")
        if lines > 0 { print("\u{1b}[\(lines)A", terminator: "") }
        for line in text { print(line + (Terminal.isPresent ? "\u{1b}[K" : "")) }
        fflush(nil)
        return text.count
    }

    /// The losses so far as a line of bars; their square roots, so that the small ones still show.
    static func curve(_ losses: [Float], width: Int) -> String {
        let bars = Array("▁▂▃▄▅▆▇█")
        let highest = max(losses.max() ?? 1, 1e-6)
        let count = min(width, losses.count)
        return String(
            (0..<count).map { i in
                let part = losses[
                    i * losses.count
                        / count..<max(i * losses.count / count + 1, (i + 1) * losses.count / count)]
                let mean = part.reduce(0, +) / Float(part.count)
                guard mean.isFinite else { return "?" }
                return bars[min(7, Int((mean / highest).squareRoot() * 7.99))]
            })
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
