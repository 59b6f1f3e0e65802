import Files

/// `report.html`: curves, samples over time, configuration and speed on one page that needs nothing else.
struct RunReport {
    private let folder: RunFolder
    private let title: String

    init(_ folder: RunFolder, title: String) { (self.folder, self.title) = (folder, title) }

    func write() throws(FileError) {
        try writeFile(folder.report, [Array(try text().utf8)])
    }

    private func text() throws(FileError) -> String {
        let lines = try MetricsLog.lines(folder.metrics)
        let configuration = (try? RunConfiguration(reading: folder))?.json.indented ?? ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title.isEmpty ? folder.path : title))</title>
            <style>
            \(RunReport.style)
            </style>
            </head>
            <body>
            <main>
            <h1>\(escaped(title.isEmpty ? folder.path : title))</h1>
            <p class="muted">\(escaped(summary(lines)))</p>
            <div class="charts">
            \(Curves(lines).charts.map(chart).joined(separator: "\n"))
            </div>
            \(try samples())
            <h2>Configuration</h2>
            <pre>\(escaped(configuration))</pre>
            </main>
            </body>
            </html>

            """
    }

    private func summary(_ lines: [MetricsLog.Line]) -> String {
        let steps = lines.filter { $0.json["seconds"] != nil }
        let spent = steps.reduce(0) { $0 + ($1.json["seconds"]?.double ?? 0) }
        let speed = steps.suffix(100).compactMap { $0.json["per_second"]?.double }.sorted()
        let middle = speed.isEmpty ? 0 : speed[speed.count / 2]
        return "\(steps.last?.step ?? 0) steps in \(clockTime(spent)); "
            + "\(rounded(middle)) a second at the end"
    }

    private func chart(_ name: String, _ series: [Curves.Series]) -> String {
        let legend =
            series.count > 1
            ? series.enumerated().map {
                "<i class=\"f\($0)\"></i>\($1.isEvaluation ? "on other data" : "in training")"
            }.joined(separator: " ") : ""
        return "<figure><figcaption><b>\(escaped(name))</b> \(legend)</figcaption>"
            + "\(LineChart(series).svg)</figure>"
    }

    // MARK: samples

    /// The newest samples whole, and at most eleven before them.
    private func samples() throws(FileError) -> String {
        let files = (try? filesBelow(folder.samples)) ?? []
        var shown: [String] = []
        for file in RunReport.spread(files, 12).reversed() {
            let name = file.split(separator: "/").last.map(String.init) ?? file
            if file.hasSuffix(".png") {
                let data = base64(try readFile(file))
                shown.append(
                    "<figure><figcaption>\(escaped(name))</figcaption><img alt=\"\(escaped(name))\" "
                        + "src=\"data:image/png;base64,\(data)\"></figure>")
            } else if file.hasSuffix(".txt") {
                let text = String(decoding: try readFile(file), as: UTF8.self)
                shown.append(
                    "<figure><figcaption>\(escaped(name))</figcaption><pre>\(escaped(text))</pre></figure>"
                )
            }
        }
        if shown.isEmpty { return "" }
        return "<h2>Samples, the newest first</h2>\n<div class=\"samples\">\n"
            + shown.joined(separator: "\n") + "\n</div>"
    }

    /// At most `count` of a list, the last among them.
    private static func spread(_ list: [String], _ count: Int) -> [String] {
        guard list.count > count else { return list }
        return (1...count).map { list[$0 * list.count / count - 1] }
    }
}

/// Text that may stand in a page.
private func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
        switch character {
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "&": result += "&amp;"
        case "\"": result += "&quot;"
        default: result.append(character)
        }
    }
    return result
}

/// Bytes as text for a data address.
private func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        var value = group.reduce(0) { $0 << 8 | Int($1) }
        value <<= 8 * (3 - group.count)
        for place in 0..<4 {
            let index = value >> (18 - 6 * place) & 63
            text.append(place <= group.count ? letters[index] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
