import Glibc
public import Tensors

extension PictureSet {
    /// Discs, squares, triangles, rings and crosses of random colour, size, place and angle on black.
    public static func shapes(
        _ count: Int, side: Int = 32, channels: Int = 3, seed: UInt64 = 0,
        on device: Device = .default
    ) -> PictureSet {
        made(count, side: side, channels: channels, classes: Shape.allCases.map(\.rawValue), device)
        { i in
            var dice = Dice(seed: seed, stream: UInt64(i))
            let shape = Shape.allCases[i % Shape.allCases.count]
            var canvas = Canvas(side: side, channels: channels)
            let color = channels == 1 ? [1] : Shape.color(&dice)
            let (size, angle) = (dice.between(0.45, 0.75), dice.between(0, 2 * .pi))
            let (cx, cy) = (dice.between(-0.2, 0.2), dice.between(-0.2, 0.2))
            let (c, s) = (cosf(angle) / size, sinf(angle) / size)
            canvas.fill(color) { x, y in
                let (dx, dy) = (x - cx, y - cy)
                return shape.covers(c * dx - s * dy, s * dx + c * dy)
            }
            return (canvas, i % Shape.allCases.count)
        }
    }

    /// Pictures drawn one by one, each from its number, with its label.
    static func made(
        _ count: Int, side: Int, channels: Int, classes: [String], _ device: Device,
        _ draw: (Int) -> (Canvas, Int)
    ) -> PictureSet {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * side * side * channels)
        var labels: [Int32] = []
        for i in 0..<count {
            let (canvas, label) = draw(i)
            bytes += canvas.bytes
            labels.append(Int32(label))
        }
        return PictureSet(
            Tensor(bytes: bytes, shape: [count, side, side, channels], dtype: .u8, on: device),
            labels: Tensor(labels, shape: [count], on: device), classes: classes)
    }
}

/// Inside the unit disc.
private enum Shape: String, CaseIterable {
    case disc, square, triangle, ring, cross

    func covers(_ x: Float, _ y: Float) -> Bool {
        switch self {
        case .disc: x * x + y * y < 0.8
        case .square: max(abs(x), abs(y)) < 0.75
        case .triangle: y < 0.5 && y > 1.732 * abs(x) - 1
        case .ring: (0.3..<0.9).contains(x * x + y * y)
        case .cross: min(abs(x), abs(y)) < 0.27 && max(abs(x), abs(y)) < 0.95
        }
    }

    /// A bright colour: a hue with full value and most of the saturation.
    static func color(_ dice: inout Dice) -> [Float] {
        let hue = dice.between(0, 6)
        return [0, 4, 2].map { offset in
            let place = (hue + Float(offset)).truncatingRemainder(dividingBy: 6)
            return 0.15 + 0.85 * min(max(abs(place - 3) - 1, 0), 1)
        }
    }
}
