import Tensors

/// The report as one page that needs nothing else: a roofline and bars for each device, and where it was measured.
package struct HTMLReport {
    private let environment: Environment
    private let rows: [Row]
    private let families: [Operation]

    package init(_ environment: Environment, rows: [Row]) {
        self.environment = environment
        self.rows = rows
        families = Operation.allCases.filter { operation in
            rows.contains { $0.benchmark.operation == operation && $0.benchmark.flops > 0 }
        }
    }

    package var text: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>apus bench: \(escaped(environment.date))</title>
        <style>
        \(HTMLReport.style)
        </style>
        </head>
        <body>
        <main>
        <header>
        <h1>apus bench</h1>
        <p class="muted">\(escaped(environment.date)) · \(environment.threads) threads · \(verified)</p>
        <pre>\(escaped(environment.command))</pre>
        \(environment.warnings.map { "<p class=\"note\">\(escaped($0))</p>" }.joined(separator: "\n"))
        </header>
        \(environment.places.map(section).joined(separator: "\n"))
        <footer class="muted">apus \(escaped(environment.version)). Times are medians; every result was compared \
        with an oracle in double before it was timed. A row runs again with <code>apus bench CASE --device DEVICE</code>.\
        </footer>
        </main>
        </body>
        </html>

        """
    }

    private var verified: String {
        let wrong = rows.count { $0.failure != nil }
        return wrong == 0
            ? "\(rows.count) rows, all results verified" : "\(rows.count) rows, \(wrong) failed"
    }

    private func section(_ place: Environment.Place) -> String {
        let plot = RooflinePlot(place, rows, families: families)
        let facts = place.facts + [("peaks", place.peaks.summary)]
        return """
            <section>
            <h2>\(escaped(place.name)) <span class="muted">\(escaped(place.title))</span></h2>
            <dl>\(facts.map { "<dt>\(escaped($0.name))</dt><dd>\(escaped($0.value))</dd>" }.joined())</dl>
            \(plot.isEmpty ? "" : "<figure>\(legend)\(plot.svg)</figure>")
            \(bars(place))
            </section>
            """
    }

    private var legend: String {
        let entries = families.enumerated().map { place, operation in
            "<span><i class=\"f\(place % 6)\"></i>\(escaped(operation.rawValue))</span>"
        }
        return
            "<figcaption>\(entries.joined())<span class=\"muted\">filled: f32, hollow: narrower types; "
            + "lines: measured roofs</span></figcaption>"
    }

    private func bars(_ place: Environment.Place) -> String {
        let lines = rows.filter { $0.device == place.name }.map { bar($0) }
        return """
            <table>
            <thead><tr><th>case</th><th>kernel</th><th class="right">median</th><th class="right">rate</th>\
            <th>% of peak</th><th>bound</th></tr></thead>
            <tbody>
            \(lines.joined(separator: "\n"))
            </tbody>
            </table>
            """
    }

    private func bar(_ row: Row) -> String {
        let percent = row.percentOfPeak ?? 0
        let rate =
            row.benchmark.flops > 0
            ? (row.gflops.map { short($0) + " GFLOP/s" } ?? "–")
            : (row.gbs.map { short($0) + " GB/s" } ?? "–")
        let time = row.times.map {
            duration($0.median) + ($0.isNoisy ? " ±\(fixed($0.noise * 100, 0))%" : "")
        }
        let shown =
            row.failure.map { "<span class=\"note\">\(escaped($0))</span>" }
            ?? "<div class=\"bar\"><b style=\"width:\(fixed(min(percent, 100), 1))%\"></b></div>"
            + "<span class=\"percent\">\(fixed(percent, 0))</span>"
        return "<tr><td title=\"\(escaped(row.command))\">\(escaped(row.benchmark.description))"
            + (row.benchmark.note.isEmpty
                ? "" : " <span class=\"muted\">\(escaped(row.benchmark.note))</span>")
            + "</td><td>\(escaped(row.kernel))</td><td class=\"right\">\(time ?? "–")</td>"
            + "<td class=\"right\">\(rate)</td><td class=\"peak\">\(shown)</td>"
            + "<td>\(row.roofline?.bound.rawValue ?? "–")</td></tr>"
    }
}
