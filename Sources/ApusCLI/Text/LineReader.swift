import Glibc

/// Lines of the standard input. Waiting for one ends at Ctrl-C, where that is caught.
struct LineReader {
    enum Line: Equatable { case text(String), interrupted, end }

    private var bytes: [UInt8] = []
    private var isAtEnd = false
    private var terminal = TerminalReader()

    /// On a terminal the prompt, of two columns, stands before the line.
    mutating func next(_ prompt: String = "") -> Line {
        if let line = terminal?.next(prompt) { return line }
        write(prompt)
        while true {
            if let place = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                defer { bytes.removeFirst(place + 1) }
                return .text(String(decoding: bytes[..<place], as: UTF8.self))
            }
            if isAtEnd {
                defer { bytes = [] }
                return bytes.isEmpty ? .end : .text(String(decoding: bytes, as: UTF8.self))
            }
            var part = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(STDIN_FILENO, &part, part.count)
            if count < 0 && errno == EINTR {
                if Interrupt.isWished { return .interrupted }
                continue
            }
            isAtEnd = count <= 0
            bytes += part.prefix(max(0, count))
        }
    }
}
