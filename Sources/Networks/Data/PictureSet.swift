public import Tensors

/// Pictures of one size with labels, all in memory as bytes.
public struct PictureSet: Sendable {
    /// (N, H, W, C) u8
    public let pictures: Tensor
    /// (N) i32
    public let labels: Tensor
    public let classes: [String]

    public init(_ pictures: Tensor, labels: Tensor, classes: [String]) {
        require(
            pictures.rank == 4 && pictures.dtype == .u8 && labels.shape == [pictures.shape[0]],
            "PictureSet: pictures \(pictures.shape) \(pictures.dtype), labels \(labels.shape)")
        (self.pictures, self.labels, self.classes) = (pictures, labels, classes)
    }

    public var count: Int { pictures.shape[0] }
    public var height: Int { pictures.shape[1] }
    public var width: Int { pictures.shape[2] }
    public var channels: Int { pictures.shape[3] }

    /// Some of them: pictures (B, H, W, C) f32 in 0 ... 1, and labels (B).
    public func batch(_ indices: [Int32]) -> (pictures: Tensor, labels: Tensor) {
        let ids = Tensor(indices, shape: [indices.count], on: pictures.device)
        let rows = pictures.reshaped([count, -1]).selecting(ids)
        let chosen = rows.reshaped([indices.count, height, width, channels])
        return (chosen.cast(to: .f32) * (1 / 255), labels.selecting(ids))
    }

    /// The examples of a range.
    public subscript(_ range: Range<Int>) -> PictureSet {
        PictureSet(
            pictures.narrowed(0, start: range.lowerBound, count: range.count),
            labels: labels.narrowed(0, start: range.lowerBound, count: range.count),
            classes: classes)
    }

    /// The first part to learn from, the rest to be measured on.
    public func split(_ share: Double) -> (training: PictureSet, test: PictureSet) {
        let border = min(max(1, Int(Double(count) * share)), max(1, count - 1))
        return (self[0..<border], self[border..<count])
    }
}
