public import Tensors

/// Random changes of pictures that leave what they show the same: mirrored, moved, cut.
///
///     let augmentation = Augmentation(mirrors: true, shift: 2, smallestCut: 0.8)
///     var dice = Dice(seed: plan.seed, stream: UInt64(step))
///     let x = augmentation(pictures, &dice)                     // (B, H, W, C)
public struct Augmentation: Sendable, Equatable, Codable {
    /// Left and right change places in half of the pictures.
    public var mirrors: Bool
    /// The most pixels by which a picture moves, either way; its edge is repeated.
    public var shift: Int
    /// The smallest share of each side that is cut out and scaled up again; 1 cuts nothing.
    public var smallestCut: Float

    public init(mirrors: Bool = false, shift: Int = 0, smallestCut: Float = 1) {
        (self.mirrors, self.shift, self.smallestCut) = (mirrors, shift, smallestCut)
    }

    public var isNothing: Bool { !mirrors && shift == 0 && smallestCut >= 1 }

    /// - Parameter pictures: (B, H, W, C) of any type.
    public func callAsFunction(_ pictures: Tensor, _ dice: inout Dice) -> Tensor {
        require(
            pictures.rank == 4,
            "Augmentation: pictures of shape \(pictures.shape), not (B, H, W, C)")
        if isNothing || pictures.count == 0 { return pictures }
        let (n, h, w) = (pictures.shape[0], pictures.shape[1], pictures.shape[2])
        var pixels: [Int32] = []
        pixels.reserveCapacity(n * h * w)
        for i in 0..<n {
            let cut = smallestCut >= 1 ? 1 : dice.between(max(smallestCut, 0.01), 1)
            let rows = places(h, cut, &dice)
            let columns = places(w, cut, &dice)
            let isMirrored = mirrors && dice.unit() < 0.5
            for row in rows {
                let start = (i * h + row) * w
                for column in isMirrored ? columns.reversed() : columns {
                    pixels.append(Int32(start + column))
                }
            }
        }
        let flat = pictures.reshaped([n * h * w, pictures.shape[3]])
        return flat.selecting(Tensor(pixels, on: pictures.device)).reshaped(pictures.shape)
    }

    /// Which of a side's pixels each pixel shows.
    private func places(_ side: Int, _ cut: Float, _ dice: inout Dice) -> [Int] {
        let start = dice.unit() * Float(side) * (1 - cut)
        let moved = shift > 0 ? dice.whole(below: 2 * shift + 1) - shift : 0
        return (0..<side).map { i in
            let place = (start + (Float(i) + 0.5) * cut).rounded(.down)
            return min(max(Int(place) + moved, 0), side - 1)
        }
    }
}
