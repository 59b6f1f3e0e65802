/// A small picture that is drawn by saying for every point how much ink it has; edges are smoothed by sampling each pixel
/// at several points.
struct Canvas {
    let side: Int
    let channels: Int
    /// (side, side, channels)
    private(set) var bytes: [UInt8]

    init(side: Int, channels: Int) {
        (self.side, self.channels) = (side, channels)
        bytes = [UInt8](repeating: 0, count: side * side * channels)
    }

    /// - Parameters:
    ///   - color: a value for each channel, 0 ... 1.
    ///   - covers: whether a point (x, y), each -1 ... 1 from left and top, is inside.
    mutating func fill(_ color: [Float], where covers: (Float, Float) -> Bool) {
        let grid = 3
        let step = 2 / Float(side * grid)
        for row in 0..<side {
            for column in 0..<side {
                var hits = 0
                for i in 0..<grid * grid {
                    let x = (Float(column * grid + i % grid) + 0.5) * step - 1
                    let y = (Float(row * grid + i / grid) + 0.5) * step - 1
                    if covers(x, y) { hits += 1 }
                }
                let share = Float(hits) / Float(grid * grid)
                if share > 0 { blend(row, column, color, share) }
            }
        }
    }

    private mutating func blend(_ row: Int, _ column: Int, _ color: [Float], _ share: Float) {
        for channel in 0..<channels {
            let i = (row * side + column) * channels + channel
            let value = Float(bytes[i]) * (1 - share) + 255 * color[channel] * share
            bytes[i] = UInt8(min(max(value.rounded(), 0), 255))
        }
    }
}
