import Glibc

/// Points in the plane from a few well-known distributions, for models one can look into.
public enum PlaneDensity: String, Sendable, CaseIterable, Codable {
    case moons, rings, spirals, pinwheel, checkerboard, grid

    /// The i-th point, within about ±3.
    public func point(_ dice: inout Dice) -> (x: Float, y: Float) {
        switch self {
        case .moons:
            let t = dice.between(0, .pi)
            let upper = dice.unit() < 0.5
            let (x, y) = upper ? (cosf(t), sinf(t)) : (1 - cosf(t), 0.5 - sinf(t))
            return (1.6 * (x - 0.5) + 0.12 * dice.normal(), 1.6 * (y - 0.25) + 0.12 * dice.normal())
        case .rings:
            let radius = dice.choice([0.7, 1.5, 2.3] as [Float]) + 0.08 * dice.normal()
            let angle = dice.between(0, 2 * .pi)
            return (radius * cosf(angle), radius * sinf(angle))
        case .spirals:
            let t = dice.unit().squareRoot() * 3 * Float.pi
            let sign: Float = dice.unit() < 0.5 ? 1 : -1
            let radius = sign * t / (3 * .pi) * 2.6
            return (
                radius * cosf(t) + 0.08 * dice.normal(), radius * sinf(t) + 0.08 * dice.normal()
            )
        case .pinwheel:
            let arm = Float(dice.whole(below: 5))
            let along = 1.4 + 0.5 * dice.normal()
            let angle = 2 * .pi * arm / 5 + 0.4 * along
            let across = 0.12 * dice.normal()
            return (
                along * cosf(angle) - across * sinf(angle),
                along * sinf(angle) + across * cosf(angle)
            )
        case .checkerboard:
            let (column, row) = (dice.whole(below: 4), dice.whole(below: 2))
            let x = Float(column) + dice.unit()
            let y = Float(2 * row + column % 2) + dice.unit()
            return (1.3 * (x - 2), 1.3 * (y - 2))
        case .grid:
            let (column, row) = (dice.whole(below: 5), dice.whole(below: 5))
            return (
                Float(column) - 2 + 0.06 * dice.normal(), Float(row) - 2 + 0.06 * dice.normal()
            )
        }
    }

    /// `count` points, x and y in turn.
    public func points(_ count: Int, seed: UInt64, stream: UInt64 = 0) -> [Float] {
        var dice = Dice(seed: seed, stream: stream)
        var values: [Float] = []
        values.reserveCapacity(2 * count)
        for _ in 0..<count {
            let (x, y) = point(&dice)
            values.append(x)
            values.append(y)
        }
        return values
    }
}
