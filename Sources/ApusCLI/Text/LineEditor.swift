/// A line being typed on a terminal: bytes of keys go in, finished lines come out. Characters are what people take for one.
struct LineEditor {
    enum Event: Equatable { case line(String), end, clearScreen }

    /// What stands before the cursor, and behind it.
    private(set) var before = ""
    private(set) var after = ""
    /// Bytes of keys that were not understood yet.
    private var bytes: [UInt8] = []
    private var isPasting = false
    /// Earlier lines, with the new one kept while one of them is shown.
    private var history: [String] = []
    private var place = 0
    private var new = ""

    mutating func take(_ more: some Sequence<UInt8>) { bytes += more }

    /// Understands keys up to the next that is more than editing; nil when there are no more.
    mutating func next() -> Event? {
        var at = 0
        defer { bytes.removeFirst(at) }
        while let (key, length) = key(at) {
            at += length
            if let event = obey(key) { return event }
        }
        return nil
    }

    /// Forgets the line.
    mutating func clear() { (before, after, place, new) = ("", "", history.count, "") }

    // MARK: keys

    private enum Key { case text(String), control(UInt8), sequence(String) }

    /// The key that begins at a place, and its bytes; nil if more are needed.
    private func key(_ at: Int) -> (Key, Int)? {
        guard at < bytes.count else { return nil }
        let first = bytes[at]
        if first == 0x1b { return sequence(at) }
        if first < 0x20 || first == 0x7f { return (.control(first), 1) }
        let length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
        guard at + length <= bytes.count else { return nil }
        return (.text(String(decoding: bytes[at..<at + length], as: UTF8.self)), length)
    }

    /// ESC [ digits letter, ESC O letter, or ESC and a letter, without the ESC.
    private func sequence(_ at: Int) -> (Key, Int)? {
        guard at + 1 < bytes.count else { return nil }
        let opener = bytes[at + 1]
        guard opener == UInt8(ascii: "[") || opener == UInt8(ascii: "O") else {
            return (.sequence(""), 2)
        }
        guard let end = bytes[(at + 2)...].firstIndex(where: { 0x40...0x7e ~= $0 }) else {
            return nil
        }
        return (.sequence(String(decoding: bytes[at + 2...end], as: UTF8.self)), end + 1 - at)
    }

    private mutating func obey(_ key: Key) -> Event? {
        switch key {
        case .text(let text): before += text
        case .control(let code): return obey(control: code)
        case .sequence(let name): obey(sequence: name)
        }
        return nil
    }

    private mutating func obey(control code: UInt8) -> Event? {
        if isPasting {
            before += code == 9 ? "\t" : code == 10 || code == 13 ? "\n" : ""
            return nil
        }
        switch code {
        case 10, 13: return finish()
        case 4 where before.isEmpty && after.isEmpty: return .end
        case 12: return .clearScreen
        case 8, 127: _ = before.popLast()
        case 4: _ = after.popFirst()
        case 9: before += "\t"
        case 11: after = ""
        case 21: before = ""
        case 23: before.removeLast(before.count - wordStart)
        default: move(Character(Unicode.Scalar(code + 64)))
        }
        return nil
    }

    private mutating func obey(sequence name: String) {
        switch name {
        case "200~": isPasting = true
        case "201~": isPasting = false
        case "A": recall(place - 1)
        case "B": recall(place + 1)
        case "C": move("F")
        case "D": move("B")
        case "H", "1~", "7~": move("A")
        case "F", "4~", "8~": move("E")
        case "3~": _ = after.popFirst()
        case "1;5D": while before.count > wordStart { move("B") }
        case "1;5C": repeat { move("F") } while !after.isEmpty && before.last != " "
        default: break
        }
    }

    /// As Ctrl and this letter do.
    private mutating func move(_ letter: Character) {
        switch letter {
        case "A": (before, after) = ("", before + after)
        case "E": (before, after) = (before + after, "")
        case "B": if let last = before.popLast() { after.insert(last, at: after.startIndex) }
        case "F": if let first = after.popFirst() { before.append(first) }
        case "P": recall(place - 1)
        case "N": recall(place + 1)
        default: break
        }
    }

    /// Where the word at the cursor begins.
    private var wordStart: Int {
        var rest = before[...]
        while rest.last == " " { rest.removeLast() }
        while let last = rest.last, last != " ", last != "\n" { rest.removeLast() }
        return rest.count
    }

    // MARK: lines

    private mutating func finish() -> Event {
        let line = before + after
        if !line.isEmpty && line != history.last { history.append(line) }
        clear()
        return .line(line)
    }

    private mutating func recall(_ wanted: Int) {
        guard 0...history.count ~= wanted, wanted != place else { return }
        if place == history.count { new = before + after }
        place = wanted
        (before, after) = (place == history.count ? new : history[place], "")
    }
}

extension String {
    fileprivate mutating func popFirst() -> Character? { isEmpty ? nil : removeFirst() }
}
