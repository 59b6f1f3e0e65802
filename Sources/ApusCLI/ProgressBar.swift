import Glibc

/// A bar on stderr while something takes long; only a terminal sees it.
struct ProgressBar {
    private let label: String
    private let isShown = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now
    private var last = ContinuousClock.now

    init(_ label: String) { self.label = label }

    /// Draws the bar anew, ten times a second at most.
    mutating func show(_ done: Int, of all: Int) {
        guard isShown, done > 0, all > 0 else { return }
        let now = ContinuousClock.now
        guard now - last > .milliseconds(100) else { return }
        last = now
        let part = min(1, Double(done) / Double(all))
        let left = (now - start) / .seconds(1) * (1 - part) / part
        let full = Int(part * 40)
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: 40 - full)
        write("\r\(label) \(bar) \(Int(part * 100)) %, \(Int(left)) s left \u{1b}[K")
    }

    /// Takes the bar away.
    func clear() {
        if isShown { write("\r\u{1b}[K") }
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
