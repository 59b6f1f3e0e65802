import Glibc
import Tensors

/// The roofline of one device as an SVG picture: how many operations a second each case reached, over how many operations
/// it does for each byte that must move.
struct RooflinePlot {
    private let place: Environment.Place
    private let rows: [Row]
    private let families: [Operation]

    // The picture, and the room around the plot.
    private let width = 880.0
    private let height = 460.0
    private let left = 64.0
    private let right = 20.0
    private let top = 16.0
    private let bottom = 46.0
    private let intensities: ClosedRange<Double>
    private let rates: ClosedRange<Double>

    init(_ place: Environment.Place, _ rows: [Row], families: [Operation]) {
        self.place = place
        self.rows = rows.filter {
            $0.device == place.name && $0.benchmark.flops > 0 && $0.times != nil
        }
        self.families = families
        let xs = self.rows.map { $0.benchmark.flops / $0.benchmark.bytes }
        let roofs = place.peaks.operations.values
        let highest = max(
            roofs.max() ?? 1e9, self.rows.compactMap(\.gflops).max().map { $0 * 1e9 } ?? 0)
        let lowest = min(
            (roofs.min() ?? 1e9) / 100, (self.rows.compactMap(\.gflops).min() ?? 1) * 0.5e9)
        intensities =
            decade(
                min(xs.min() ?? 1, 0.2), down: true)...decade(max(xs.max() ?? 1, 1000), down: false)
        rates = decade(lowest, down: true)...highest * 2
    }

    var isEmpty: Bool { rows.isEmpty }

    private func x(_ intensity: Double) -> Double {
        let share =
            log10(intensity / intensities.lowerBound)
            / log10(intensities.upperBound / intensities.lowerBound)
        return left + (width - left - right) * share
    }

    private func y(_ rate: Double) -> Double {
        let share = log10(rate / rates.lowerBound) / log10(rates.upperBound / rates.lowerBound)
        return height - bottom - (height - top - bottom) * share
    }

    var svg: String {
        """
        <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="Roofline of \(escaped(place.name))">
        \(grid)
        <clipPath id="plot-\(identifier)"><rect x="\(n(left))" y="\(n(top))" \
        width="\(n(width - left - right))" height="\(n(height - top - bottom))"/></clipPath>
        <g clip-path="url(#plot-\(identifier))">\(roofs)</g>
        \(labels)
        \(points)
        </svg>
        """
    }

    private var identifier: String {
        String(place.name.map { $0.isLetter || $0.isNumber ? $0 : "-" })
    }

    private var grid: String {
        var parts: [String] = []
        for power in decades(intensities) {
            let at = x(power)
            parts.append(line(at, top, at, height - bottom, "grid"))
            parts.append(text(at, height - bottom + 18, label(power), "axis middle"))
        }
        for power in decades(rates) {
            let at = y(power)
            parts.append(line(left, at, width - right, at, "grid"))
            parts.append(text(left - 8, at + 4, label(power / 1e9), "axis end"))
        }
        parts.append(
            text((left + width - right) / 2, height - 8, "operations for each byte", "axis middle"))
        parts.append(text(left + 6, top + 12, "GFLOP/s", "axis"))
        return parts.joined(separator: "\n")
    }

    /// The flat roofs: those of floats.
    private var levelRates: [DType: Double] { place.peaks.operations.filter { $0.key.isFloat } }

    private var roofs: String {
        let highest = levelRates.values.max() ?? 0
        let slopes = place.peaks.memories.map { memory in
            let rate = max(memory.read, memory.copy)
            let end = highest / rate
            let begin = intensities.lowerBound
            return line(x(begin), y(rate * begin), x(end), y(highest), "roof")
        }
        let levels = levelRates.map { type, rate in
            let begin = rate / (place.peaks.memories.map { max($0.read, $0.copy) }.max() ?? 1)
            return line(x(begin), y(rate), x(intensities.upperBound), y(rate), "roof \(type)")
        }
        return (slopes + levels.sorted()).joined(separator: "\n")
    }

    private var labels: String {
        let levels = levelRates.map { type, rate in
            text(
                width - right - 4, y(rate) - 6, "\(type) \(short(rate / 1e9)) GFLOP/s", "label end")
        }
        let slopes = place.peaks.memories.enumerated().map { index, memory in
            let rate = max(memory.read, memory.copy)
            // Where the slope enters the picture; the lowest is named below its line, the others above.
            let begin = max(intensities.lowerBound, rates.lowerBound / rate) * 1.15
            let isLowest = index > 0 && index == place.peaks.memories.count - 1
            let (px, py) = (x(begin), y(rate * begin))
            let angle =
                -atan2(y(rate * begin) - y(rate * begin * 10), x(begin * 10) - x(begin)) * 180 / .pi
            let name = "\(memory.name) \(short(rate / 1e9)) GB/s"
            return
                "<text class=\"label\" transform=\"translate(\(n(px + 4)) \(n(py + (isLowest ? 14 : -8)))) rotate(\(n(angle)))\">"
                + escaped(name) + "</text>"
        }
        return (levels.sorted() + slopes).joined(separator: "\n")
    }

    private var points: String {
        rows.map { row in
            let rate = row.benchmark.flops / (row.seconds ?? 1)
            let at = (x(row.benchmark.flops / row.benchmark.bytes), y(max(rate, rates.lowerBound)))
            let family = families.firstIndex(of: row.benchmark.operation) ?? 0
            let title =
                "\(row.benchmark.description)\n\(row.kernel)\n\(short(rate / 1e9)) GFLOP/s"
                + (row.percentOfPeak.map { ", \(fixed($0, 0)) % of the roof" } ?? "")
            let hollow = row.benchmark.dtype == .f32 ? "" : " hollow"
            return
                "<circle class=\"point\(hollow) f\(family % 6)\" cx=\"\(n(at.0))\" cy=\"\(n(at.1))\" r=\"5\">"
                + "<title>\(escaped(title))</title></circle>"
        }.joined(separator: "\n")
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String)
        -> String
    {
        "<line class=\"\(style)\" x1=\"\(n(x1))\" y1=\"\(n(y1))\" x2=\"\(n(x2))\" y2=\"\(n(y2))\"/>"
    }

    private func text(_ x: Double, _ y: Double, _ text: String, _ style: String) -> String {
        "<text class=\"\(style)\" x=\"\(n(x))\" y=\"\(n(y))\">\(escaped(text))</text>"
    }
}

private func n(_ value: Double) -> String { fixed(value, 1) }

/// The power of ten at or beyond a value.
private func decade(_ value: Double, down: Bool) -> Double {
    let power = log10(value)
    return pow(10, down ? floor(power) : ceil(power))
}

private func decades(_ range: ClosedRange<Double>) -> [Double] {
    let (first, last) = (
        Int(ceil(log10(range.lowerBound) - 1e-9)), Int(floor(log10(range.upperBound) + 1e-9))
    )
    return first > last ? [] : (first...last).map { pow(10, Double($0)) }
}

private func label(_ value: Double) -> String {
    value >= 1 ? fixed(value, 0) : String(value)
}

/// Text as HTML shows it.
func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.append(character)
        }
    }
}
