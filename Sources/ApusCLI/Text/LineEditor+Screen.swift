extension LineEditor {
    /// What a terminal shows of a line: rows, and the cursor's place in them.
    struct Screen: Equatable {
        var rows = [""]
        var row = 0
        var column = 0
        /// The columns that the last row takes.
        private var used = 0

        /// A prompt of two columns and the line; at most `height` rows of it, with those round the cursor.
        init(_ before: String, _ after: String, prompt: String, width: Int, height: Int) {
            rows = [prompt]
            used = 2
            for character in before { put(character, width) }
            if used >= width { feed() }
            (row, column) = (rows.count - 1, used)
            for character in after { put(character, width) }
            let first = max(0, min(row - height / 2, rows.count - height))
            rows = Array(rows[first..<min(rows.count, first + height)])
            row -= first
        }

        private mutating func put(_ character: Character, _ width: Int) {
            if character.isNewline { return feed() }
            let columns = character.columns
            if used + columns > width { feed() }
            rows[rows.count - 1].append(character == "\t" ? " " : character)
            used += columns
        }

        private mutating func feed() {
            rows.append("")
            used = 0
        }
    }
}

extension Character {
    /// The columns that a terminal gives it: two for what East Asia writes with, and for emoji.
    fileprivate var columns: Int {
        guard let first = unicodeScalars.first else { return 0 }
        let isEmoji = first.properties.isEmojiPresentation || unicodeScalars.contains("\u{fe0f}")
        return isEmoji || Character.wide.contains { $0 ~= first.value } ? 2 : 1
    }

    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97c, 0xac00...0xd7a3,
        0xf900...0xfaff, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x20000...0x3fffd,
    ]
}
