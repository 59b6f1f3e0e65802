public import Files
public import Tensors

/// Points in the plane to learn from: drawn from a density as they are needed, or those of a file.
public struct PlanePoints: Sendable {
    private enum Source: Sendable {
        case density(PlaneDensity, seed: UInt64)
        case listed(training: [Float], test: [Float])
    }

    private let source: Source

    public init(_ density: PlaneDensity, _ seed: UInt64) {
        source = .density(density, seed: seed)
    }

    /// Those of a run: of its file, or of a density.
    public init(_ data: RunData, otherwise density: PlaneDensity, seed: UInt64) throws(FileError) {
        if let place = data.place {
            try self.init(reading: place.path)
        } else {
            self.init(density, seed)
        }
    }

    /// Two numbers a line, between blanks or a comma; a heading is passed over.
    public init(reading path: String) throws(FileError) {
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
        source = .listed(
            training: Array(values[..<border]), test: Array(values[border...]))
    }

    /// The number-th batch: (count, 2).
    public func batch(_ count: Int, number: Int, on device: Device) -> Tensor {
        switch source {
        case .density(let density, let seed):
            let points = density.points(count, seed: seed, stream: UInt64(number) + 1)
            return Tensor(points, shape: [count, 2], on: device)
        case .listed(let training, _):
            let order = BatchOrder(count: training.count / 2, batch: count, seed: 0)
            return PlanePoints.chosen(training, order.indices(number), on: device)
        }
    }

    /// Points that no batch has, at most `count`.
    public func others(_ count: Int, on device: Device) -> Tensor {
        switch source {
        case .density(let density, let seed):
            let points = density.points(count, seed: seed, stream: 0)
            return Tensor(points, shape: [count, 2], on: device)
        case .listed(_, let test):
            let ids = (0..<Int32(min(count, test.count / 2))).map { $0 }
            return PlanePoints.chosen(test, ids, on: device)
        }
    }

    /// Points that no batch has beside as many made ones (N, 2).
    public func compared(with made: Tensor) -> Sample {
        let both = [others(made.shape[0], on: made.device), made]
        return .pictures(
            Tensor.stacked(both.map { PlanePicture($0.scalars()).tensor }),
            title: "real and made", columns: 2)
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
