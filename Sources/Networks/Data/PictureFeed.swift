import Files
public import Tensors

/// Pictures to learn from in the order of a run's steps, and others to be measured on. They are read when they are
/// first asked for, if the run has noted what they are like.
public final class PictureFeed: Sendable {
    public struct Settings: Sendable, Codable, Equatable {
        /// The side of pictures that are made, and of those in a folder whose sizes differ; 0: as the recipe finds right.
        public var side = 0
        /// Random changes of training pictures.
        public var augmentation = Augmentation()
        /// Whether the pictures of a folder are read as they are needed, in the background, instead of all at first.
        public var streams = false

        public init() {}
    }

    /// What pictures are like, with the frame, and without it as they were given.
    public struct Facts: Sendable, Codable, Equatable {
        public let height, width, channels: Int
        public let innerHeight, innerWidth: Int
        public let classes: [String]

        /// (H, W, C)
        var shape: [Int] { [height, width, channels] }
    }

    /// The pictures of users who name none.
    public enum Own: Sendable {
        case digits(Int)
        case shapes(Int)

        func set(_ side: Int?, seed: UInt64, on device: Device) -> PictureSet {
            switch self {
            case .digits(let count): .glyphs(count, side: side ?? 28, seed: seed, on: device)
            case .shapes(let count): .shapes(count, side: side ?? 32, seed: seed, on: device)
            }
        }
    }

    /// Pictures (B, H, W, C) in 0 ... 1 and labels (B).
    public typealias Batch = (pictures: Tensor, labels: Tensor)

    public let facts: Facts
    private let sets: Late<Sets>
    private let plan: TrainingPlan
    private let augmentation: Augmentation
    private let order: Late<PictureOrder>
    let device: Device

    /// - Parameter multiple: what sides must be a multiple of; smaller pictures are framed in black.
    public init(
        _ data: RunData, _ plan: TrainingPlan, _ settings: Settings = Settings(),
        sidesMultipleOf multiple: Int = 1, on device: Device, otherwise own: Own
    ) throws {
        let noted = try data.note("data.json").map { json throws(FileError) in
            try json.decoded(Facts.self, path: "data.json")
        }
        let sets = Late {
            let sets = try Sets(data.place, settings, multiple, on: device) { side in
                own.set(side, seed: plan.seed, on: device)
            }
            if let noted, noted != sets.facts {
                throw FileError(
                    data.place?.path ?? "the made-up pictures",
                    "are unlike those of the run: \(sets.facts) instead of \(noted)")
            }
            return sets
        }
        facts = try noted ?? sets().facts
        order = Late { try sets().order(plan.batch * plan.accumulate, seed: plan.seed) }
        (self.sets, self.plan, self.device) = (sets, plan, device)
        augmentation = settings.augmentation
    }

    /// For `Trainee.notes`.
    public var note: RunNote { RunNote("data.json", JSON(encoding: facts)) }

    /// What a step works through.
    public var work: (amount: Int, unit: String) { (plan.batch * plan.accumulate, "pictures") }

    /// The batches of a step.
    public func batches(_ step: Int) throws -> [Batch] {
        let all = try order().batch(step, on: device)
        var dice = Dice(seed: plan.seed, stream: UInt64(step))
        let pictures = augmentation(all.pictures, &dice)
        guard plan.accumulate > 1 else { return [(pictures, all.labels)] }
        return (0..<plan.accumulate).map { i in
            let start = i * plan.batch
            return (
                pictures.narrowed(0, start: start, count: plan.batch),
                all.labels.narrowed(0, start: start, count: plan.batch)
            )
        }
    }

    /// The training pictures in another order, for another learner.
    public func order(batch: Int, seed: UInt64) throws -> PictureOrder {
        try sets().order(batch, seed: seed)
    }

    /// How many training pictures there are.
    public var trainingCount: Int { get throws { try sets().trainingCount } }

    /// Pictures that no step sees.
    public var test: PictureSet { get throws { try sets().test } }

    /// The first test pictures, at most `count`.
    public func test(_ count: Int) throws -> PictureSet {
        let test = try test
        return test[0..<min(count, test.count)]
    }

    /// Pictures (N, H, W, C) as a model makes them, without the frame that was put round those it learned from.
    public func unframed(_ pictures: Tensor) -> Tensor {
        let inner = [1: facts.innerHeight, 2: facts.innerWidth]
        return inner.reduce(pictures) { x, side in
            let frame = x.shape[side.key] - side.value
            return frame > 0 ? x.narrowed(side.key, start: frame / 2, count: side.value) : x
        }.contiguous()
    }

    /// The mean of figures of the test pictures in batches, weighted by their sizes; of the first `limit`, if it is given.
    public func testMean(
        limit: Int = .max, _ figures: (PictureSet) throws -> [(String, Tensor)]
    ) throws -> Figures {
        let test = try test
        let count = min(test.count, limit)
        var totals: [(name: String, value: Double)] = []
        for start in stride(from: 0, to: count, by: 500) {
            let batch = test[start..<min(start + 500, count)]
            for (i, (name, value)) in try figures(batch).enumerated() {
                if i == totals.count { totals.append((name, 0)) }
                totals[i].value += Double(value.item()) * Double(batch.count)
            }
        }
        return Figures(totals.map { ($0.name, $0.value / Double(max(1, count))) })
    }
}

/// The pictures behind a feed.
private struct Sets: Sendable {
    let test: PictureSet
    let facts: PictureFeed.Facts
    private let source: Source

    private enum Source: Sendable {
        case memory(PictureSet)
        case folder(PictureFolder)
    }

    /// A folder that does not fit into memory is not measured on all of it either.
    private static let mostTestPictures = 2000

    init(
        _ place: DataPlace?, _ settings: PictureFeed.Settings, _ multiple: Int, on device: Device,
        otherwise make: (Int?) -> PictureSet
    ) throws(FileError) {
        let side = settings.side > 0 ? settings.side : nil
        let inner: (height: Int, width: Int)
        if settings.streams, let place {
            let folder = try PictureFolder(place)
            let whole = ((side ?? 32) + multiple - 1) / multiple * multiple
            test = try folder.testSet(side: whole, limit: Sets.mostTestPictures, on: device)
            inner = (whole, whole)
            source = .folder(folder)
        } else {
            let sets = try PictureSet.load(place, side: side, on: device) { make(side) }
            inner = (sets.test.height, sets.test.width)
            test = sets.test.framed(multiple)
            source = .memory(sets.training.framed(multiple))
        }
        facts = PictureFeed.Facts(
            height: test.height, width: test.width, channels: test.channels,
            innerHeight: inner.height, innerWidth: inner.width, classes: test.classes)
    }

    var trainingCount: Int {
        switch source {
        case .memory(let set): set.count
        case .folder(let folder): folder.training.count
        }
    }

    func order(_ batch: Int, seed: UInt64) throws(FileError) -> PictureOrder {
        switch source {
        case .memory(let set):
            .memory(set, BatchOrder(count: set.count, batch: batch, seed: seed))
        case .folder(let folder):
            .stream(
                try PictureStream(
                    folder, folder.training, side: facts.height, channels: facts.channels,
                    batch: batch, seed: seed))
        }
    }
}

/// Training pictures in the order of steps.
public enum PictureOrder: Sendable {
    case memory(PictureSet, BatchOrder)
    case stream(PictureStream)

    /// Pictures (B, H, W, C) in 0 ... 1 and labels (B) of a step.
    public func batch(_ step: Int, on device: Device) throws -> PictureFeed.Batch {
        switch self {
        case .memory(let set, let order): set.batch(order.indices(step))
        case .stream(let stream): try stream.batch(step, on: device)
        }
    }
}

extension PictureSet {
    /// Sides grown to a multiple by a black frame.
    func framed(_ multiple: Int) -> PictureSet {
        let grown = [1, 2].reduce(pictures) { x, axis in
            let missing = (multiple - x.shape[axis] % multiple) % multiple
            if missing == 0 { return x }
            func black(_ count: Int) -> Tensor {
                var shape = x.shape
                shape[axis] = count
                return Tensor.zeros(shape, dtype: .u8, on: x.device)
            }
            return Tensor.concatenated(
                [black(missing / 2), x, black(missing - missing / 2)], axis: axis)
        }
        return PictureSet(grown, labels: labels, classes: classes)
    }

    /// All pictures (N, H, W, C) in 0 ... 1.
    public var values: Tensor { pictures.cast(to: .f32) * (1 / 255) }

    /// All pictures and labels.
    public var all: PictureFeed.Batch { (values, labels) }
}
