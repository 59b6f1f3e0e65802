import Benchmarking

/// What the network thinks of every point of the square, with the data on it, as text.
struct SpiralPicture {
    let width: Int
    let height: Int
    /// The probability of class 1, row by row from the top.
    private let field: [Float]
    /// The class of the data point in a pixel, if there is one.
    private var data: [Int: Int32] = [:]

    /// - Parameter width: in characters; a character shows two pixels, one above the other.
    init(_ spirals: Spirals, width: Int = 56) {
        (self.width, height) = (width, width)
        let side = Float(width - 1)
        let extent: Float = 1.1
        let size = width
        var grid: [Float] = []
        for i in 0..<size * size {
            let (column, row) = (Float(i % size), Float(i / size))
            grid.append((column / side * 2 - 1) * extent)
            grid.append((1 - row / side * 2) * extent)
        }
        field = spirals.probabilities(at: grid)
        for (point, label) in zip(spirals.points, spirals.classes) {
            let column = Int(((point.x / extent + 1) / 2 * side).rounded())
            let row = Int(((1 - point.y / extent) / 2 * side).rounded())
            if (0..<size).contains(column) && (0..<size).contains(row) {
                data[row * size + column] = label
            }
        }
    }

    /// Lines of half blocks in colour.
    var colored: [String] {
        stride(from: 0, to: height - 1, by: 2).map { row in
            let cells = (0..<width).map { column in
                let (top, bottom) = (color(row, column), color(row + 1, column))
                return "\u{1b}[38;2;\(top)m\u{1b}[48;2;\(bottom)m▀"
            }
            return "  " + cells.joined() + "\u{1b}[0m"
        }
    }

    /// Lines of letters: the classes' regions as "." and ":", their points as "o" and "x".
    var plain: [String] {
        stride(from: 0, to: height - 1, by: 2).map { row in
            let cells = (0..<width).map { column in
                let place = row * width + column
                if let label = data[place] ?? data[place + width] { return label == 0 ? "o" : "x" }
                return field[place] > 0.5 ? ":" : " "
            }
            return "  " + cells.joined()
        }
    }

    /// "red;green;blue" between the classes' colours, or a point's own.
    private func color(_ row: Int, _ column: Int) -> String {
        let place = row * width + column
        if let label = data[place] { return label == 0 ? "255;214;170" : "190;220;255" }
        let p = field[place]
        func mix(_ a: Float, _ b: Float) -> Int { Int(a + (b - a) * p) }
        return "\(mix(196, 36));\(mix(92, 78));\(mix(28, 168))"
    }
}
