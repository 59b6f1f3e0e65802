import Glibc
public import Tensors

extension PictureSet {
    /// The ten digits, leaning, scaled, shifted and drawn with pens of different width: a stand-in for handwriting.
    public static func glyphs(
        _ count: Int, side: Int = 28, seed: UInt64 = 0, on device: Device = .default
    ) -> PictureSet {
        made(count, side: side, channels: 1, classes: (0...9).map { "\($0)" }, device) { i in
            var dice = Dice(seed: seed, stream: UInt64(i))
            let digit = i % 10
            var canvas = Canvas(side: side, channels: 1)
            let (size, lean) = (dice.between(0.6, 0.75), dice.between(-0.3, 0.3))
            let (cx, cy) = (dice.between(-0.12, 0.12), dice.between(-0.12, 0.12))
            let (pen, turn) = (dice.between(0.08, 0.15), dice.between(-0.15, 0.15))
            // Every stroke's ends wander a little.
            let strokes = Glyph.strokes[digit].map { stroke in
                stroke.map { ($0 + dice.between(-0.06, 0.06), $1 + dice.between(-0.06, 0.06)) }
            }
            let (c, s) = (cosf(turn) / size, sinf(turn) / size)
            canvas.fill([1]) { x, y in
                let (dx, dy) = (x - cx, y - cy)
                let (u, v) = (c * dx - s * dy + lean * dy, s * dx + c * dy)
                return strokes.contains { Glyph.covers($0, u, v, pen / size) }
            }
            return (canvas, digit)
        }
    }
}

/// Digits as lines between points (x, y), each -1 ... 1.
private enum Glyph {
    typealias Point = (Float, Float)

    static let strokes: [[[Point]]] = [
        [arc(0, 0, 0.6, 0.95, 0, 360)],
        [[(-0.35, -0.6), (0.1, -0.95), (0.1, 0.95)]],
        [arc(0, -0.45, 0.55, 0.5, 180, 400) + [(-0.6, 0.95), (0.65, 0.95)]],
        [arc(0, -0.48, 0.5, 0.47, 200, 450) + arc(0, 0.45, 0.58, 0.5, 270, 520)],
        [[(0.35, 0.95), (0.35, -0.95), (-0.65, 0.4), (0.7, 0.4)]],
        [[(0.55, -0.95), (-0.45, -0.95), (-0.5, -0.1)] + arc(0, 0.35, 0.58, 0.6, 215, 510)],
        [[(0.4, -0.9), (-0.25, -0.35)] + arc(0, 0.4, 0.55, 0.55, 200, 560)],
        [[(-0.6, -0.95), (0.6, -0.95), (-0.15, 0.95)]],
        [arc(0, -0.48, 0.45, 0.45, 0, 360), arc(0, 0.45, 0.57, 0.5, 0, 360)],
        [arc(0, -0.4, 0.52, 0.52, 0, 360), [(0.52, -0.4), (0.35, 0.95)]],
    ]

    /// Points along an ellipse, angles in degrees from the right over the bottom.
    private static func arc(
        _ cx: Float, _ cy: Float, _ rx: Float, _ ry: Float, _ from: Int, _ to: Int
    ) -> [Point] {
        stride(from: from, through: to, by: 20).map { degrees in
            let angle = Float(degrees) * .pi / 180
            return (cx + rx * cosf(angle), cy + ry * sinf(angle))
        }
    }

    /// Whether a point is within `pen` of a line.
    static func covers(_ line: [Point], _ x: Float, _ y: Float, _ pen: Float) -> Bool {
        zip(line, line.dropFirst()).contains { a, b in
            let (dx, dy) = (b.0 - a.0, b.1 - a.1)
            let along = ((x - a.0) * dx + (y - a.1) * dy) / max(dx * dx + dy * dy, 1e-9)
            let t = min(max(along, 0), 1)
            let (ex, ey) = (a.0 + t * dx - x, a.1 + t * dy - y)
            return ex * ex + ey * ey < pen * pen
        }
    }
}
