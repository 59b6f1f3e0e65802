import Files
import Tensors

/// How far a run is and how fast it goes.
struct Progress {
    /// Steps done, those before an interruption included.
    private(set) var done: Int
    /// The lowest evaluation so far.
    var best: Double
    /// Spent on steps, in all.
    private(set) var seconds: Double
    private var bar: ProgressBar
    /// Figures of the last step, as the bar shows them.
    private var text = ""
    private let steps: Int
    private var rate = 0.0
    private let work: (amount: Int, unit: String)
    private let device: Device

    init(
        _ plan: TrainingPlan, _ trainee: any Trainee, _ folder: RunFolder, _ device: Device,
        from saved: (step: Int, state: TrainingState)?
    ) {
        func number(_ name: String) -> Double? { saved?.state.text[name].flatMap { Double($0) } }
        done = saved?.step ?? 0
        best = number("run.best") ?? .infinity
        seconds = number("run.seconds") ?? 0
        bar = ProgressBar("step", from: done)
        steps = plan.steps
        work = trainee.work
        self.device = device
    }

    mutating func count(_ figures: Figures, _ spent: Double) {
        done += 1
        seconds += spent
        let now = Double(work.amount) / max(spent, 1e-9)
        rate = rate == 0 ? now : 0.9 * rate + 0.1 * now
        let memory = Double(device.memory.inUse + device.memory.cached) / 1e6
        text = "\(figures.text)  \(rounded(rate)) \(work.unit)/s  \(rounded(memory)) MB"
        bar.show(done, of: steps, text)
    }

    mutating func note(_ text: String) { bar.note(text) }
    mutating func finish() { bar.finish(done, of: steps, text) }

    /// The log's line of the step just counted.
    func line(_ figures: Figures, _ spent: Double) -> [JSON.Member] {
        let speed = Double(work.amount) / max(spent, 1e-9)
        return [JSON.Member(key: "step", value: .number(Double(done)))] + figures.members + [
            JSON.Member(key: "seconds", value: .number(spent)),
            JSON.Member(key: "per_second", value: .number(speed.rounded())),
        ]
    }
}

extension Figures {
    /// "loss 2.314  accuracy 0.871"
    public var text: String {
        entries.map { "\($0.name) \(rounded($0.value))" }.joined(separator: "  ")
    }
}

/// Four digits that count: "0.01235", "2.314", "48760".
func rounded(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    guard value != 0, abs(value) < 1e15 else { return value == 0 ? "0" : "\(value)" }
    if abs(value) < 1e-4 { return "\(Float(value))" }
    var power = 1.0
    while abs(value) * power < 1000 { power *= 10 }
    let number = (value * power).rounded() / power
    return Int(exactly: number).map { "\($0)" } ?? "\(number)"
}
