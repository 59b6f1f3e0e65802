import Glibc

/// One line that says how far a long piece of work is. On a terminal it is drawn over itself; elsewhere a line is written
/// now and then, so that a log stays short.
struct ProgressBar {
    private let total: Int
    private let isTerminal: Bool
    private let start: ContinuousClock.Instant
    private let first: Int
    private var drawn: ContinuousClock.Instant?
    private var written = false

    /// - Parameter first: steps that were done before.
    init(total: Int, first: Int = 0) {
        (self.total, self.first) = (total, first)
        isTerminal = isatty(STDERR_FILENO) == 1
        start = ContinuousClock.now
    }

    /// - Parameter text: figures to show behind the bar.
    mutating func show(_ done: Int, _ text: String) {
        let now = ContinuousClock.now
        let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
        if done < total, let drawn, now - drawn < pause { return }
        drawn = now
        let elapsed = (now - start) / .seconds(1)
        let left = done > first ? elapsed / Double(done - first) * Double(total - done) : 0
        let share = Double(done) / Double(max(1, total))
        let time = done == total ? clockTime(elapsed) : "\(clockTime(left)) left"
        let line = "\(bar(share)) \(done)/\(total)  \(text)  \(time)"
        write(isTerminal ? "\r" + String(line.prefix(width)) + "\u{1b}[K" : line + "\n")
        written = isTerminal
    }

    /// Other text, above the bar.
    mutating func note(_ text: String) {
        write((written ? "\r\u{1b}[K" : "") + text + "\n")
        (written, drawn) = (false, nil)
    }

    /// Leaves the last line standing.
    mutating func finish() {
        if written { write("\n") }
        written = false
    }

    private func bar(_ share: Double) -> String {
        guard isTerminal else { return "step" }
        let done = Int(share * 24)
        return String(repeating: "█", count: done) + String(repeating: "░", count: 24 - done)
    }

    private var width: Int {
        var size = winsize()
        let known = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
        return known ? Int(size.ws_col) - 1 : 119
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// "1:02:03", "2:03", "0:03".
func clockTime(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 1e9).rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return hours > 0
        ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
}
