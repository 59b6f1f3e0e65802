import Glibc

/// Lines typed on a terminal, of any length, with keys to edit them and to have earlier ones back.
struct TerminalReader {
    private var editor = LineEditor()
    /// The row in which the cursor was left.
    private var row = 0

    /// nil where lines do not come from a terminal that can move its cursor.
    init?() {
        let kind = getenv("TERM").map { String(cString: $0) } ?? ""
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, !["", "dumb"].contains(kind)
        else { return nil }
    }

    mutating func next(_ prompt: String) -> LineReader.Line {
        var usual = termios()
        tcgetattr(STDIN_FILENO, &usual)
        var raw = usual
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        raw.c_iflag &= ~tcflag_t(ICRNL | IXON)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
        write("\u{1b}[?2004h")
        defer {
            write("\u{1b}[?2004l")
            tcsetattr(STDIN_FILENO, TCSADRAIN, &usual)
        }
        row = 0
        while true {
            let event = editor.next()
            if case .line(let text) = event {
                draw(prompt, text, "")
                write("\n")
                return .text(text)
            }
            if event == .end {
                write("\n")
                return .end
            }
            if event == .clearScreen { write("\u{1b}[H\u{1b}[2J") }
            if event != nil { row = 0 }
            draw(prompt, editor.before, editor.after)
            var part = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(STDIN_FILENO, &part, part.count)
            if count < 0 && errno == EINTR && !Interrupt.isWished {
                // Back from Ctrl-Z: the shell has used the terminal in between.
                tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
                write("\u{1b}[?2004h")
                row = 0
                continue
            }
            if count < 0 && errno == EINTR {
                draw(prompt, editor.before + editor.after, "")
                editor.clear()
                return .interrupted
            }
            if count <= 0 { return .end }
            editor.take(part.prefix(count))
        }
    }

    /// Writes the line anew over what was shown of it.
    private mutating func draw(_ prompt: String, _ before: String, _ after: String) {
        var size = winsize()
        _ = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
        let (width, height) = (size.ws_col, size.ws_row)
        let screen = LineEditor.Screen(
            before, after, prompt: prompt, width: width == 0 ? 80 : max(8, Int(width)),
            height: height == 0 ? 24 : max(2, Int(height)))
        var text = up(row) + "\r\u{1b}[J" + screen.rows.joined(separator: "\r\n")
        text += up(screen.rows.count - 1 - screen.row) + "\r"
        text += screen.column > 0 ? "\u{1b}[\(screen.column)C" : ""
        row = screen.row
        write(text)
    }

    private func up(_ rows: Int) -> String { rows > 0 ? "\u{1b}[\(rows)A" : "" }
}
