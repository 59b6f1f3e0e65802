import Files

/// The figures of a run's log as series over steps.
struct Curves {
    struct Series {
        let name: String
        let isEvaluation: Bool
        var points: [(step: Double, value: Double)] = []
    }

    private(set) var all: [Series] = []

    init(_ lines: [MetricsLog.Line]) {
        for line in lines {
            let evaluation = line.json["evaluation"]?.members
            for member in evaluation ?? line.json.members ?? [] {
                guard let value = member.value.double, member.key != "step" else { continue }
                add(Double(line.step), value, to: member.key, isEvaluation: evaluation != nil)
            }
        }
    }

    private mutating func add(
        _ step: Double, _ value: Double, to name: String, isEvaluation: Bool
    ) {
        let known = all.firstIndex { $0.name == name && $0.isEvaluation == isEvaluation }
        if known == nil { all.append(Series(name: name, isEvaluation: isEvaluation)) }
        all[known ?? all.count - 1].points.append((step, value))
    }

    /// One chart for each name: its training figures and its evaluations together.
    var charts: [(name: String, series: [Series])] {
        var names: [String] = []
        for series in all where !names.contains(series.name) { names.append(series.name) }
        return names.map { name in (name, all.filter { $0.name == name }) }
    }
}

extension Curves.Series {
    /// At most `count` points: means of stretches of equal length.
    func thinned(to count: Int) -> [(step: Double, value: Double)] {
        guard points.count > count else { return points }
        return (0..<count).map { i in
            let part = points[i * points.count / count..<(i + 1) * points.count / count]
            let n = Double(part.count)
            return (
                part.reduce(0) { $0 + $1.step } / n, part.reduce(0) { $0 + $1.value } / n
            )
        }
    }
}
