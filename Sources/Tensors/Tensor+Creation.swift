extension Tensor {
    /// Values in row-major order. Their number must be that of the shape's elements.
    public init<T: TensorScalar>(_ scalars: [T], shape: [Int], on device: Device = .default) {
        require(
            scalars.count == shape.reduce(1, *),
            "Tensor: \(scalars.count) values do not fill the shape \(shape)")
        self = .uninitialized(shape, T.dtype, on: device.backend)
        scalars.withUnsafeBytes { storage.device.upload($0, to: storage, at: 0) }
    }

    /// A vector.
    public init<T: TensorScalar>(_ scalars: [T], on device: Device = .default) {
        self.init(scalars, shape: [scalars.count], on: device)
    }

    /// A matrix; all rows must be of one length.
    public init(_ rows: [[Float]], on device: Device = .default) {
        let columns = rows.first?.count ?? 0
        require(rows.allSatisfy { $0.count == columns }, "Tensor: the rows differ in length")
        self.init(rows.flatMap { $0 }, shape: [rows.count, columns], on: device)
    }

    /// A tensor of rank 0.
    public init(_ value: Float, on device: Device = .default) {
        self = .full([], value, on: device)
    }

    /// Elements as they lie in memory, for any type.
    public init(bytes: [UInt8], shape: [Int], dtype: DType, on device: Device = .default) {
        require(
            bytes.count == shape.reduce(1, *) * dtype.size,
            "Tensor: \(bytes.count) bytes do not fill the shape \(shape) of \(dtype)")
        self = .uninitialized(shape, dtype, on: device.backend)
        bytes.withUnsafeBytes { storage.device.upload($0, to: storage, at: 0) }
    }

    public static func full(
        _ shape: [Int], _ value: Float, dtype: DType = .f32, on device: Device = .default
    ) -> Tensor {
        generated(shape, .constant(Double(value)), dtype, device)
    }

    public static func zeros(_ shape: [Int], dtype: DType = .f32, on device: Device = .default)
        -> Tensor
    {
        full(shape, 0, dtype: dtype, on: device)
    }

    public static func ones(_ shape: [Int], dtype: DType = .f32, on device: Device = .default)
        -> Tensor
    {
        full(shape, 1, dtype: dtype, on: device)
    }

    /// start, start + step, … (count).
    public static func arange(
        _ count: Int, start: Double = 0, step: Double = 1, dtype: DType = .f32,
        on device: Device = .default
    ) -> Tensor {
        generated([count], .iota(start: start, step: step), dtype, device)
    }

    /// The identity matrix (n, n).
    public static func eye(_ n: Int, on device: Device = .default) -> Tensor {
        let index = arange(n, dtype: .i32, on: device)
        return index.expandingAxis(1).equal(index.expandingAxis(0)).cast(to: .f32)
    }

    private static func generated(
        _ shape: [Int], _ source: Generator, _ dtype: DType, _ device: Device
    ) -> Tensor {
        require(shape.allSatisfy { $0 >= 0 }, "Tensor: a negative length in the shape \(shape)")
        let y = uninitialized(shape, dtype, on: device.backend)
        device.backend.generate(source, into: y)
        return y
    }
}

/// Random numbers: Philox4x32-10, so the same key gives the same numbers on every device.
///
///     var random = RandomKey(seed: 42)
///     let w = random.normal([64, 32], deviation: 0.02)
public struct RandomKey: Sendable, Hashable {
    public let seed: UInt64
    /// Counts the tensors drawn so far: each gets a stream of its own.
    public var stream: UInt64

    public init(seed: UInt64, stream: UInt64 = 0) {
        self.seed = seed
        self.stream = stream
    }

    public mutating func uniform(
        _ shape: [Int], low: Float = 0, high: Float = 1, on device: Device = .default
    ) -> Tensor {
        draw(shape, .uniform(low: low, high: high), .f32, device)
    }

    public mutating func normal(
        _ shape: [Int], mean: Float = 0, deviation: Float = 1, on device: Device = .default
    ) -> Tensor {
        draw(shape, .normal(mean: mean, deviation: deviation), .f32, device)
    }

    /// bool, true with the given probability.
    public mutating func bernoulli(_ shape: [Int], probability: Float, on device: Device = .default)
        -> Tensor
    {
        draw(shape, .bernoulli(probability: probability), .bool, device)
    }

    /// i32: raw 32-bit words.
    public mutating func bits(_ shape: [Int], on device: Device = .default) -> Tensor {
        draw(shape, .bits, .i32, device)
    }

    private mutating func draw(
        _ shape: [Int], _ distribution: Distribution, _ dtype: DType, _ device: Device
    ) -> Tensor {
        let y = Tensor.uninitialized(shape, dtype, on: device.backend)
        device.backend.generate(.random(distribution, seed: seed, stream: stream), into: y)
        stream += 1
        return y
    }
}
