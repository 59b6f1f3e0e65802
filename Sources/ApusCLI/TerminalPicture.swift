import Files
import Glibc
import Tensors

/// Pictures as coloured half blocks on the standard output: a character shows two pixels, one above the other. Nothing
/// where that is no terminal, or shows no colours.
struct TerminalPicture {
    let lines: [String]

    /// As many of the pictures (N, H, W, C) side by side as there is room for, at most four rows of them.
    init(_ pictures: Tensor, columns: Int) {
        let width = TerminalPicture.width - 4
        let fitting = min(columns, width / (pictures.shape[2] + 1))
        guard Terminal.hasColor, fitting > 0, pictures.count > 0 else {
            lines = []
            return
        }
        // Whole rows of the grid, cut on the right.
        let rows = min(4, (pictures.shape[0] + columns - 1) / columns)
        let chosen = (0..<rows).flatMap { row in
            (row * columns..<min(row * columns + fitting, pictures.shape[0])).map {
                Picture(pictures[$0])
            }
        }
        lines = TerminalPicture.lines(Picture.grid(chosen, columns: fitting, gap: 1, ground: 0))
    }

    static func lines(_ picture: Picture) -> [String] {
        let rgb = picture.converted(to: 3)
        func color(_ row: Int, _ column: Int) -> String {
            guard row < rgb.height else { return "0;0;0" }
            let i = (row * rgb.width + column) * 3
            return "\(rgb.bytes[i]);\(rgb.bytes[i + 1]);\(rgb.bytes[i + 2])"
        }
        return stride(from: 0, to: rgb.height, by: 2).map { row in
            let cells = (0..<rgb.width).map { column in
                "\u{1b}[38;2;\(color(row, column))m\u{1b}[48;2;\(color(row + 1, column))m▀"
            }
            return cells.joined() + "\u{1b}[0m"
        }
    }

    /// Columns of the terminal.
    private static var width: Int {
        var size = winsize()
        let known = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
        return known ? Int(size.ws_col) : 100
    }
}
