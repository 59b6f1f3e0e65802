import Benchmarking
import Files
import Glibc
import Tensors

/// One run of `apus bench`: rows as they are measured, then the reports.
struct BenchSession {
    private let cases: [Case]
    private let devices: [ListedDevice]
    private let measurement: Measurement
    private let outputs: [String: Output]
    private let baseline: Baseline?
    private let limit: Double?
    private var rows: [Row] = []

    private static let formats = ["json", "csv", "markdown", "html"]

    init(_ arguments: Arguments, _ cases: [Case]) throws {
        self.cases = cases
        var outputs: [String: Output] = [:]
        for format in BenchSession.formats {
            if let path = arguments.text(format) { outputs[format] = try Output(path) }
        }
        guard outputs.values.count(where: \.isStandard) <= 1 else {
            throw BenchmarkError.usage("only one report can go to the standard output")
        }
        self.outputs = outputs
        measurement = try BenchSession.measurement(arguments, outputs)
        baseline = try arguments.text("compare").map { path in
            let text = String(decoding: try readFile(path), as: UTF8.self)
            let baseline = try Baseline(lines: text, name: path)
            guard baseline.count > 0 else { throw BenchmarkError.usage("\(path): no rows in it") }
            return baseline
        }
        limit = try BenchSession.limit(arguments)
        devices = try ListedDevice.named(arguments.list("device"))
    }

    private static func measurement(
        _ arguments: Arguments, _ outputs: [String: Output]
    ) throws(BenchmarkError) -> Measurement {
        var measurement = Measurement()
        if let seconds = try arguments.positive("min-time", most: 3600) {
            measurement.seconds = seconds
        }
        let least = try arguments.int("min-samples", in: 1...100_000) ?? 5
        let most = try arguments.int("max-samples", in: 1...100_000) ?? max(200, least)
        guard least <= most else {
            throw .usage("--min-samples \(least) is above --max-samples \(most)")
        }
        measurement.samples = least...most
        measurement.isCold = arguments.has("cold")
        // Cases of a file are measured against another program, which brings its own peers.
        let isForTable = outputs["json"]?.isStandard != true && !arguments.has("cases")
        measurement.includesPeers =
            arguments.has("peers") || (isForTable && !arguments.has("no-peers"))
        return measurement
    }

    /// "5%" or "5".
    private static func limit(_ arguments: Arguments) throws(BenchmarkError) -> Double? {
        guard let text = arguments.text("fail-on-regress") else { return nil }
        guard arguments.has("compare") else { throw .usage("--fail-on-regress needs --compare") }
        let digits = text.hasSuffix("%") ? String(text.dropLast()) : text
        guard let percent = Double(digits), percent >= 0, percent < 1e6 else {
            throw .usage("--fail-on-regress is \(text), but must be a percentage like 5%")
        }
        return percent
    }

    /// Whether the standard output is for people.
    private var showsTable: Bool { !outputs.values.contains(where: \.isStandard) }
    private var streamsJSON: Bool { outputs["json"]?.isStandard == true }

    mutating func run() throws -> Int32 {
        // Programs that ask for JSON only want the rows soon: they get a quicker look at the peaks.
        let seconds = outputs.keys.allSatisfy { $0 == "json" } && streamsJSON ? 0.005 : 0.03
        let places = devices.map { listed in
            Environment.Place(
                name: listed.device.name, title: listed.title, facts: listed.facts,
                peaks: listed.device.measuredPeaks(seconds: seconds))
        }
        let command = (["apus"] + CommandLine.arguments.dropFirst()).joined(separator: " ")
        let environment = Environment(
            version: Apus.version, command: command, date: timestamp(), places: places)
        let table = Table(
            cases: cases, devices: devices.map(\.device.name),
            hasDeviceTime: devices.contains { $0.device != .cpu }, compares: baseline != nil)
        begin(environment, table)
        for c in cases {
            for (listed, place) in zip(devices, places) {
                let runner = Runner(
                    device: listed.device, peaks: place.peaks, available: listed.memory,
                    measurement: measurement)
                for row in runner.rows(c) { add(row, table) }
            }
        }
        try report(environment, table)
        return conclude()
    }

    private func begin(_ environment: Environment, _ table: Table) {
        if streamsJSON { print(environment.json.text) }
        if showsTable {
            for line in environment.summary { print(line) }
            print("\n" + Terminal.styled(table.heading, "1"))
        }
        fflush(nil)
    }

    private mutating func add(_ row: Row, _ table: Table) {
        var row = row
        row.comparison = baseline?.comparison(with: row)
        rows.append(row)
        if streamsJSON { print(row.json.text) }
        if showsTable {
            print(row.failure == nil ? table.line(row) : Terminal.styled(table.line(row), "31"))
        }
        fflush(nil)
    }

    private func report(_ environment: Environment, _ table: Table) throws {
        for (format, output) in outputs.sorted(by: { $0.key < $1.key }) {
            switch format {
            case "json" where !output.isStandard:
                let lines = [environment.json.text] + rows.map(\.json.text)
                try output.write(lines.joined(separator: "\n") + "\n")
            case "csv": try output.write(commaSeparated(rows))
            case "markdown": try output.write(table.markdown(rows, environment))
            case "html": try output.write(HTMLReport(environment, rows: rows).text)
            default: break
            }
        }
    }

    /// The last lines of the table, and the exit code.
    private func conclude() -> Int32 {
        let failed = rows.count { $0.failure != nil }
        let regressed = rows.filter { row in
            guard let limit, let comparison = row.comparison else { return false }
            return comparison.verdict == .slower && comparison.ratio > 1 + limit / 100
        }
        if showsTable {
            print(
                "\n\(rows.count) rows, \(rows.count - failed) verified, \(failed) failed."
                    + (rows.contains { $0.times?.isNoisy == true }
                        ? " ! marks noise above 5 %." : "")
                    + " A row again: apus bench CASE --device DEVICE")
        }
        for row in regressed {
            complain(
                "\(row.key): slower than the base by \(fixed((row.comparison?.ratio ?? 1) * 100 - 100, 1)) %"
            )
        }
        if failed > 0, !showsTable, let first = rows.first(where: { $0.failure != nil }) {
            complain("\(first.benchmark.description) on \(first.device): \(first.failure ?? "")")
        }
        return failed > 0 || !regressed.isEmpty ? 1 : 0
    }
}
