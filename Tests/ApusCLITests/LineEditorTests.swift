import Testing

@testable import ApusCLI

/// Lines typed on a terminal.
@Suite struct LineEditorTests {
    /// The events of some keys, and what is left on the line.
    private func typed(_ keys: String) -> (events: [LineEditor.Event], line: String) {
        var editor = LineEditor()
        // Byte by byte, as slow lines bring them.
        var events: [LineEditor.Event] = []
        for byte in keys.utf8 {
            editor.take([byte])
            while let event = editor.next() { events.append(event) }
        }
        return (events, editor.before + "|" + editor.after)
    }

    @Test(arguments: [
        ("Itä", "Itä|"), ("Itäl\u{7f}\u{7f}", "It|"), ("a👍🏽e\u{301}\u{7f}", "a👍🏽|"),
        ("a👍🏽\u{8}", "a|"), ("\u{7f}", "|"), ("ab\u{1b}[D日", "a日|b"), ("ab\u{1}x\u{5}y", "xaby|"),
        ("ab\u{1b}[Hx\u{1b}[Fy", "xaby|"), ("ab\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[3~", "|b"),
        ("ab cd  \u{17}", "ab |"), ("ab cd\u{1b}[D\u{15}", "|d"), ("ab\u{2}\u{2}\u{b}", "|"),
        ("ab cd\u{1b}[1;5D\u{1b}[1;5D\u{1b}[1;5Cx", "ab x|cd"), ("a\u{1b}x\u{1b}[99~b\u{0}", "ab|"),
        ("\u{1b}OAx\u{1b}OD", "|x"), ("a\tb", "a\tb|"),
        ("\u{1b}[200~a\rb\tc\u{4}\u{1b}[201~d", "a\nb\tcd|"),
    ])
    func keys(keys: String, line: String) {
        let (events, left) = typed(keys)
        #expect(events.isEmpty)
        #expect(left == line)
    }

    @Test func returnEndsALineAndCtrlDTheInput() {
        let (events, left) = typed("one\rtwo\nab\u{2}\u{4}\r\r\u{c}\u{4}x")
        #expect(
            events == [.line("one"), .line("two"), .line("a"), .line(""), .clearScreen, .end])
        #expect(left == "x|")
    }

    @Test func earlierLinesComeBack() {
        let up = "\u{1b}[A"
        #expect(typed("one\rtwo\r\(up)").line == "two|")
        #expect(typed("one\rtwo\r\(up)\(up)\(up)").line == "one|")
        #expect(typed("one\rtwo\rnew\(up)\u{10}\u{1b}[B\u{e}").line == "new|")
        #expect(typed("one\r\(up)!\r\(up)").events == [.line("one"), .line("one!")])
    }

    @Test func bytesThatAreNoUTF8DoNoHarm() {
        var editor = LineEditor()
        editor.take([0xff, 0x80, 0xf0, 0x9f, 0x1b, 0x5b, 0x41, 0x41, 0xe2])
        while editor.next() != nil {}
        editor.take([0x82, 0xac, 13])
        guard case .line(let text) = editor.next() else {
            Issue.record("no line")
            return
        }
        #expect(text.hasSuffix("€"))
    }

    private func screen(_ before: String, _ after: String = "", height: Int = 9)
        -> LineEditor.Screen
    {
        LineEditor.Screen(before, after, prompt: "> ", width: 8, height: height)
    }

    @Test func theScreenWrapsLines() {
        var shown = screen("abc", "d")
        #expect(shown.rows == ["> abcd"] && (shown.row, shown.column) == (0, 5))
        shown = screen("abcdef")
        #expect(shown.rows == ["> abcdef", ""] && (shown.row, shown.column) == (1, 0))
        shown = screen("abcde日本")
        #expect(shown.rows == ["> abcde", "日本"] && (shown.row, shown.column) == (1, 4))
        shown = screen("a\nb\t", "👍🏽c")
        #expect(shown.rows == ["> a", "b 👍🏽c"] && (shown.row, shown.column) == (1, 2))
    }

    @Test func aTextHigherThanTheScreenShowsTheRowsAtTheCursor() {
        let text = (0..<9).map { "line\($0)" }.joined(separator: "\n")
        var shown = screen(text, height: 4)
        #expect(shown.rows == ["line5", "line6", "line7", "line8"])
        #expect((shown.row, shown.column) == (3, 5))
        shown = screen("", text, height: 4)
        #expect(shown.rows == ["> line0", "line1", "line2", "line3"] && shown.row == 0)
    }
}
