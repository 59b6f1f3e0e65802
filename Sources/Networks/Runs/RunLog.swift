import Files

/// What happens in a run, in both of its logs: `metrics.jsonl` for programs, an event file for TensorBoard.
final class RunLog {
    private let metrics: MetricsLog
    private let events: EventWriter

    /// Of a run that goes on after `step` steps.
    init(_ folder: RunFolder, after step: Int) throws(FileError) {
        metrics = try MetricsLog(folder.metrics, after: step)
        events = try EventWriter(folder: folder.path, after: step)
    }

    func step(_ progress: Progress, _ figures: Figures, _ seconds: Double) throws(FileError) {
        let line = progress.line(figures, seconds)
        try metrics.append(line)
        let curves = line.compactMap { member in
            member.key == "step" ? nil : member.value.double.map { (member.key, $0) }
        }
        try events.write(step: progress.done, curves.map { .scalar("train/\($0)", $1) })
    }

    func evaluation(_ step: Int, _ figures: Figures) throws(FileError) {
        try metrics.append([
            JSON.Member(key: "step", value: .number(Double(step))),
            JSON.Member(key: "evaluation", value: .object(figures.members)),
        ])
        let curves = figures.entries.map { EventWriter.Value.scalar("test/\($0.name)", $0.value) }
        try events.write(step: step, curves)
    }

    func samples(_ step: Int, _ samples: [Sample]) throws(FileError) {
        let texts = samples.compactMap { sample in
            if case .text(let text) = sample {
                EventWriter.Value.text("samples", text)
            } else {
                nil
            }
        }
        let pictures = grids(samples).map { EventWriter.Value.picture($0.title, $0.grid) }
        if texts.count + pictures.count > 0 { try events.write(step: step, texts + pictures) }
    }
}
