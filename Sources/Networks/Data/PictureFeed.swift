public import Files
public import Tensors

/// Pictures to learn from in the order of a run's steps, and others to be measured on.
public struct PictureFeed: Sendable {
    public let training, test: PictureSet
    /// Of the pictures as they were given, without the frame.
    public let size: (height: Int, width: Int)
    private let plan: TrainingPlan
    private let order: BatchOrder

    /// - Parameters:
    ///   - multiple: what sides must be a multiple of; smaller pictures are framed in black.
    ///   - make: the set for users who name none.
    public init(
        _ data: DataPlace?, _ plan: TrainingPlan, sidesMultipleOf multiple: Int = 1,
        on device: Device, otherwise make: () -> PictureSet
    ) throws(FileError) {
        let sets = try PictureSet.load(data, on: device, otherwise: make)
        size = (sets.test.height, sets.test.width)
        training = sets.training.framed(multiple)
        test = sets.test.framed(multiple)
        self.plan = plan
        order = BatchOrder(
            count: training.count, batch: plan.batch * plan.accumulate, seed: plan.seed)
    }

    /// What a step works through.
    public var work: (amount: Int, unit: String) { (plan.batch * plan.accumulate, "pictures") }

    /// The indices of a step's batches in the training set.
    public func batches(_ step: Int) -> [[Int32]] { plan.batches(order.indices(step)) }

    /// Pictures (B, H, W, C) in 0 ... 1.
    public func pictures(_ indices: [Int32]) -> Tensor { training.batch(indices).pictures }

    /// Pictures (N, H, W, C) as a model makes them, without the frame that was put round those it learned from.
    public func unframed(_ pictures: Tensor) -> Tensor {
        let inner = [1: size.height, 2: size.width]
        return inner.reduce(pictures) { x, side in
            let frame = x.shape[side.key] - side.value
            return frame > 0 ? x.narrowed(side.key, start: frame / 2, count: side.value) : x
        }.contiguous()
    }

    /// Test pictures in batches: all of them, or the first `limit`.
    public func testBatches(_ size: Int = 500, limit: Int = .max) -> [PictureSet] {
        let count = min(test.count, limit)
        return stride(from: 0, to: count, by: size).map { test[$0..<min($0 + size, count)] }
    }

    /// The mean of figures of the test batches, weighted by their sizes.
    public func testMean(limit: Int = .max, _ figures: (PictureSet) throws -> [(String, Tensor)])
        rethrows -> Figures
    {
        var totals: [(name: String, value: Double)] = []
        var count = 0
        for batch in testBatches(limit: limit) {
            for (i, (name, value)) in try figures(batch).enumerated() {
                if i == totals.count { totals.append((name, 0)) }
                totals[i].value += Double(value.item()) * Double(batch.count)
            }
            count += batch.count
        }
        return Figures(totals.map { ($0.name, $0.value / Double(max(1, count))) })
    }
}

extension PictureSet {
    /// Sides grown to a multiple by a black frame.
    func framed(_ multiple: Int) -> PictureSet {
        func pads(_ side: Int) -> (before: Int, after: Int) {
            let missing = (multiple - side % multiple) % multiple
            return (missing / 2, missing - missing / 2)
        }
        let (rows, columns) = (pads(height), pads(width))
        if rows.after + columns.after == 0 { return self }
        let grown = pictures.cast(to: .f32).padded([(0, 0), rows, columns, (0, 0)]).cast(to: .u8)
        return PictureSet(grown, labels: labels, classes: classes)
    }

    /// All pictures (N, H, W, C) in 0 ... 1.
    public var values: Tensor { pictures.cast(to: .f32) * (1 / 255) }
}
