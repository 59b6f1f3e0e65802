import Files
package import Tensors

// The rows as text: a table for terminals, Markdown, comma-separated values.

/// One column of the table.
package struct Column: Sendable {
    package let title: String
    package let width: Int
    package let isNumber: Bool
    package let value: @Sendable (Row) -> String
}

/// The table in its forms. Terminals get rows as they come, so the widths are fixed beforehand.
package struct Table: Sendable {
    package let columns: [Column]

    /// - Parameter cases: the widest decides the first column.
    package init(cases: [Case], devices: [String], hasDeviceTime: Bool, compares: Bool) {
        let widest = cases.map(\.description.count).max() ?? 0
        var list = [
            Column(title: "case", width: max(4, widest), isNumber: false) {
                $0.benchmark.description
            },
            Column(title: "device", width: max(6, devices.map(\.count).max() ?? 0), isNumber: false)
            {
                $0.device
            },
            Column(title: "kernel", width: 22, isNumber: false) { $0.kernel },
            Column(title: "median", width: 8, isNumber: true) {
                $0.times.map { duration($0.median) } ?? "–"
            },
            Column(title: "min", width: 8, isNumber: true) {
                $0.times.map { duration($0.min) } ?? "–"
            },
            Column(title: "noise", width: 6, isNumber: true) { row in
                row.times.map { fixed($0.noise * 100, 1) + ($0.isNoisy ? "%!" : "% ") } ?? "–"
            },
            Column(title: "n", width: 3, isNumber: true) {
                $0.times.map { "\($0.samples.count)" } ?? "–"
            },
            Column(title: "GFLOP/s", width: 7, isNumber: true) { row in
                row.benchmark.flops > 0 ? row.gflops.map(short) ?? "–" : "–"
            },
            Column(title: "GB/s", width: 6, isNumber: true) { $0.gbs.map(short) ?? "–" },
            Column(title: "% peak", width: 6, isNumber: true) { row in
                row.percentOfPeak.map { fixed($0, 0) } ?? "–"
            },
            Column(title: "bound", width: 7, isNumber: false) {
                $0.roofline?.bound.rawValue ?? "–"
            },
            Column(title: "checked", width: 7, isNumber: false) { row in
                row.check.map { $0.passed ? "ok" : "WRONG" } ?? "–"
            },
        ]
        if hasDeviceTime {
            list.insert(
                Column(title: "on device", width: 9, isNumber: true) { row in
                    row.deviceSeconds.map(duration) ?? "–"
                }, at: 5)
        }
        if compares {
            list.append(
                Column(title: "against base", width: 14, isNumber: false) { row in
                    row.comparison.map { "\($0.verdict.rawValue) \(fixed($0.ratio, 2))×" } ?? "–"
                })
        }
        columns = list
    }

    private func line(_ text: (Column) -> String) -> String {
        let cells = columns.map { text($0).padded($0.width, right: $0.isNumber) }
        return cells.joined(separator: "  ").trimmedEnd
    }

    package var heading: String { line { $0.title } }

    /// A row, and why it failed if it did.
    package func line(_ row: Row) -> String {
        line { $0.value(row) } + (row.failure.map { "\n    FAILED: \($0)" } ?? "")
    }

    /// The whole table in Markdown.
    package func markdown(_ rows: [Row], _ environment: Environment) -> String {
        var lines = environment.summary.map { $0 + "  " }
        lines.append("")
        lines.append("| " + (columns.map(\.title) + ["command"]).joined(separator: " | ") + " |")
        lines.append("|" + (columns.map { $0.isNumber ? "--:|" : ":--|" } + [":--|"]).joined())
        for row in rows {
            let cells = columns.map { $0.value(row) } + ["`\(row.command)`"]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Environment {
    /// Lines that say what was measured on.
    package var summary: [String] {
        var lines = ["apus \(version), \(date), \(threads) threads"]
        for place in places {
            lines.append("\(place.name): \(place.title); " + place.peaks.summary)
        }
        return lines + warnings.map { "note: \($0)" }
    }
}

extension Peaks {
    package var summary: String {
        let rates = operations.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.key) \(short($0.value / 1e9))" }
        let levels = memories.map { "\($0.name) \(short(max($0.read, $0.copy) / 1e9))" }
        return
            "peaks: \(rates.joined(separator: ", ")) GFLOP/s; \(levels.joined(separator: ", ")) GB/s; "
            + "launch \(duration(launch))"
    }
}

/// Comma-separated values, times in seconds, one header line.
package func commaSeparated(_ rows: [Row]) -> String {
    let titles = [
        "id", "op", "case", "dtype", "pass", "device", "kernel", "peer", "seconds", "min",
        "deviation", "noise",
        "samples", "device_seconds", "gflops", "gbs", "percent_of_peak", "bound", "cold", "threads",
        "verified",
        "failure", "verdict", "ratio", "command",
    ]
    let lines = rows.map { row in
        let json = row.json
        return titles.map { title in
            switch title {
            case "id": "\(row.benchmark.id)"
            case "samples": row.times.map { "\($0.samples.count)" } ?? ""
            default: quoted(json[title].map { $0.string ?? $0.text } ?? "")
            }
        }.joined(separator: ",")
    }
    return ([titles.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
}

private func quoted(_ field: String) -> String {
    guard field.contains(where: { ",\"\n\r".contains($0) }) else { return field }
    return "\""
        + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
        + "\""
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
