import Glibc

/// Series over steps as an SVG picture.
struct LineChart {
    private let series: [(name: String, points: [(step: Double, value: Double)], dots: Bool)]
    private let steps: ClosedRange<Double>
    private let values: ClosedRange<Double>

    private static let (width, height) = (520.0, 240.0)
    private static let (left, right, top, bottom) = (58.0, 10.0, 10.0, 26.0)

    init(_ series: [Curves.Series]) {
        self.series = series.map { one in
            (
                one.isEvaluation ? "on other data" : "in training",
                one.thinned(to: 400).filter(\.value.isFinite), one.isEvaluation
            )
        }
        let all = self.series.flatMap(\.points)
        steps = 0...max(1, all.map(\.step).max() ?? 1)
        values = LineChart.range(all.map(\.value).sorted())
    }

    /// All values but the outermost of the first steps, with a little room.
    private static func range(_ sorted: [Double]) -> ClosedRange<Double> {
        guard let low = sorted.first, let high = sorted.last else { return 0...1 }
        let most = sorted[Int(Double(sorted.count - 1) * 0.995)]
        let top = high > most + 3 * (most - low) ? most : high
        let room = max((top - low) * 0.05, abs(top) * 1e-6, 1e-12)
        return low - room...top + room
    }

    private func x(_ step: Double) -> Double {
        LineChart.left + (step - steps.lowerBound) / (steps.upperBound - steps.lowerBound)
            * (LineChart.width - LineChart.left - LineChart.right)
    }

    private func y(_ value: Double) -> Double {
        let share = (value - values.lowerBound) / (values.upperBound - values.lowerBound)
        return LineChart.height - LineChart.bottom
            - min(max(share, 0), 1) * (LineChart.height - LineChart.top - LineChart.bottom)
    }

    var svg: String {
        let lines = series.enumerated().map { color, one in
            let path = one.points.map { "\(tenth(x($0.step))),\(tenth(y($0.value)))" }
                .joined(separator: " ")
            let dots =
                one.dots
                ? one.points.map {
                    "<circle class=\"f\(color)\" cx=\"\(tenth(x($0.step)))\" "
                        + "cy=\"\(tenth(y($0.value)))\" r=\"2.5\"><title>step "
                        + "\(Int($0.step)): \(rounded($0.value))</title></circle>"
                }.joined() : ""
            return "<polyline class=\"f\(color)\" points=\"\(path)\"/>\(dots)"
        }
        return """
            <svg viewBox="0 0 \(Int(LineChart.width)) \(Int(LineChart.height))" role="img">
            \(grid)
            \(lines.joined(separator: "\n"))
            </svg>
            """
    }

    private var grid: String {
        let rows = LineChart.ticks(values, 5).map { value in
            "<line class=\"grid\" x1=\"\(tenth(LineChart.left))\" x2=\""
                + "\(tenth(LineChart.width - LineChart.right))\" y1=\"\(tenth(y(value)))\" y2=\""
                + "\(tenth(y(value)))\"/><text class=\"end\" x=\"\(tenth(LineChart.left - 6))\" y=\""
                + "\(tenth(y(value) + 4))\">\(rounded(value))</text>"
        }
        let columns = LineChart.ticks(steps, 5).map { step in
            "<text class=\"middle\" x=\"\(tenth(x(step)))\" y=\"\(tenth(LineChart.height - 8))\">"
                + "\(Int(step))</text>"
        }
        return (rows + columns).joined(separator: "\n")
    }

    /// Round numbers in a range, about `count` of them.
    private static func ticks(_ range: ClosedRange<Double>, _ count: Int) -> [Double] {
        let rough = (range.upperBound - range.lowerBound) / Double(count)
        let power = pow(10, floor(log10(rough)))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
        let first = (range.lowerBound / step).rounded(.up)
        let last = (range.upperBound / step).rounded(.down)
        guard last >= first, last - first < 50 else { return [] }
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }
}

private func tenth(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
