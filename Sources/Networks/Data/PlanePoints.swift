public import Files
public import Tensors

/// Points in the plane to learn from: drawn from a density as they are needed, or those of a file.
public struct PlanePoints: Sendable {
    private typealias Listed = (training: [Float], test: [Float])

    private enum Source: Sendable {
        case density(PlaneDensity, seed: UInt64)
        case listed(Late<Listed>)
    }

    private let source: Source
    /// Points that no batch has, as a run keeps them with its checkpoints, so that it can show them without its data.
    private var kept: [Float]?
    private static let mostKept = 4000

    private init(_ source: Source) { self.source = source }

    public init(_ density: PlaneDensity, _ seed: UInt64) {
        self.init(.density(density, seed: seed))
    }

    /// Those of a run: of its file, which is read when it is first needed if the run stands already, or of a density.
    public init(_ data: RunData, otherwise density: PlaneDensity, seed: UInt64) throws {
        guard let place = data.place else {
            self.init(density, seed)
            return
        }
        let points = Late { try PlanePoints.listed(place.path) }
        if !data.isKnown { _ = try points() }
        self.init(.listed(points))
    }

    /// Those of a file: two numbers a line, between blanks or a comma; a heading is passed over.
    public init(reading path: String) throws(FileError) {
        let points = try PlanePoints.listed(path)
        self.init(.listed(Late { points }))
    }

    private static func listed(_ path: String) throws(FileError) -> Listed {
        var values: [Float] = []
        let lines = try readFile(path).split(separator: 10, omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let words = line.split { $0 == 32 || $0 == 9 || $0 == 44 || $0 == 13 }
            let numbers = words.compactMap { Float(String(decoding: $0, as: UTF8.self)) }
            if words.isEmpty || (number == 0 && numbers.count < words.count) { continue }
            guard numbers.count == 2, words.count == 2, numbers.allSatisfy(\.isFinite) else {
                throw FileError(path, "line \(number + 1) is not two numbers")
            }
            values += numbers
        }
        guard values.count >= 20 else { throw FileError(path, "has fewer than 10 points") }
        let border = values.count / 20 * 18
        return (Array(values[..<border]), Array(values[border...]))
    }

    /// The number-th batch: (count, 2).
    public func batch(_ count: Int, number: Int, on device: Device) throws -> Tensor {
        switch source {
        case .density(let density, let seed):
            let points = density.points(count, seed: seed, stream: UInt64(number) + 1)
            return Tensor(points, shape: [count, 2], on: device)
        case .listed(let points):
            let training = try points().training
            let order = BatchOrder(count: training.count / 2, batch: count, seed: 0)
            return PlanePoints.chosen(training, order.indices(number), on: device)
        }
    }

    /// Points that no batch has, at most `count`.
    public func others(_ count: Int, on device: Device) throws -> Tensor {
        switch source {
        case .density(let density, let seed):
            let points = density.points(count, seed: seed, stream: 0)
            return Tensor(points, shape: [count, 2], on: device)
        case .listed(let points):
            let test = try points().test
            let ids = (0..<Int32(min(count, test.count / 2))).map { $0 }
            return PlanePoints.chosen(test, ids, on: device)
        }
    }

    /// Points that no batch has beside made ones (N, 2).
    public func compared(with made: Tensor) throws -> Sample {
        let real = try shown ?? others(made.shape[0], on: made.device).scalars()
        let both = [real, made.scalars()]
        return .pictures(
            Tensor.stacked(both.map { PlanePicture($0).tensor }),
            title: "real and made", columns: 2)
    }

    /// The first points of a file that no batch has, x and y in turn; nil for those of a density.
    private var shown: [Float]? {
        get throws {
            guard case .listed(let points) = source else { return nil }
            return try kept ?? Array(points().test.prefix(2 * PlanePoints.mostKept))
        }
    }

    /// Adds some that no batch has to what a run goes on from.
    public func save(to state: inout TrainingState) {
        // Without its file a run has nothing new to keep.
        guard let points = try? shown else { return }
        state.add("kept.points", Tensor(points, shape: [points.count / 2, 2]))
    }

    public mutating func restore(from state: TrainingState) {
        guard let points = state["kept.points"], points.dtype == .f32 else { return }
        kept = points.scalars()
    }

    private static func chosen(_ values: [Float], _ ids: [Int32], on device: Device) -> Tensor {
        let points = ids.flatMap { [values[2 * Int($0)], values[2 * Int($0) + 1]] }
        return Tensor(points, shape: [ids.count, 2], on: device)
    }
}

/// Points as a picture: the more there are in a place, the brighter it is.
public struct PlanePicture: Sendable {
    /// (side, side, 1) in 0 ... 1
    public let tensor: Tensor

    /// - Parameter points: x and y in turn; -3.2 ... 3.2 is shown.
    public init(_ points: [Float], side: Int = 160) {
        var counts = [Float](repeating: 0, count: side * side)
        for i in stride(from: 0, to: points.count - 1, by: 2) {
            let x = (points[i] + 3.2) / 6.4 * Float(side)
            let y = (3.2 - points[i + 1]) / 6.4 * Float(side)
            // Also false for NaN.
            guard x >= 0, x < Float(side), y >= 0, y < Float(side) else { continue }
            counts[Int(y) * side + Int(x)] += 1
        }
        let ink = counts.map { min(1, ($0 / 3).squareRoot()) }
        tensor = Tensor(ink, shape: [side, side, 1])
    }
}
