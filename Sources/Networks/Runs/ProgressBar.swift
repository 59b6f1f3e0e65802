import Glibc

/// One line on the standard error that says how far a long piece of work is. On a terminal it is drawn over itself;
/// elsewhere a line is written now and then, so that a log stays short.
///
///     var bar = ProgressBar("merging")
///     for i in 1...count { …; bar.show(i, of: count) }
///     bar.clear()
public struct ProgressBar {
    private let label: String
    private let first: Int
    private let isTerminal: Bool
    private let start = ContinuousClock.now
    private var drawn: ContinuousClock.Instant
    private var written = false

    /// - Parameters:
    ///   - label: what is done.
    ///   - first: how much of it was done before.
    public init(_ label: String, from first: Int = 0) {
        (self.label, self.first) = (label, first)
        isTerminal = isatty(STDERR_FILENO) == 1
        drawn = start - .seconds(isTerminal ? 1 : 0)
    }

    /// - Parameter text: figures to show behind the bar.
    public mutating func show(_ done: Int, of total: Int, _ text: String = "") {
        let now = ContinuousClock.now
        if now - drawn < (isTerminal ? .milliseconds(100) : .seconds(10)) { return }
        drawn = now
        draw(done, total, text)
    }

    /// Leaves the last line standing: everything, or what was done until now.
    public mutating func finish(_ done: Int, of total: Int, _ text: String = "") {
        draw(done, total, text)
        if written { write("\n") }
        written = false
    }

    /// Takes the bar away.
    public mutating func clear() {
        if written { write("\r\u{1b}[K") }
        written = false
    }

    /// Other text, above the bar.
    public mutating func note(_ text: String) {
        clear()
        write(text + "\n")
        if isTerminal { drawn = start - .seconds(1) }
    }

    private mutating func draw(_ done: Int, _ total: Int, _ text: String) {
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        let left = done > first ? elapsed / Double(done - first) * Double(total - done) : 0
        let time = done >= total ? clockTime(elapsed) : "\(clockTime(left)) left"
        let share = min(1, Double(done) / Double(max(1, total)))
        let parts = [label + bar(share), "\(done)/\(total)", text, time].filter { !$0.isEmpty }
        let line = parts.joined(separator: "  ")
        write(isTerminal ? "\r" + String(line.prefix(width)) + "\u{1b}[K" : line + "\n")
        written = isTerminal
    }

    private func bar(_ share: Double) -> String {
        guard isTerminal else { return "" }
        let done = Int(share * 24)
        let bar = String(repeating: "█", count: done) + String(repeating: "░", count: 24 - done)
        return label.isEmpty ? bar : " " + bar
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
