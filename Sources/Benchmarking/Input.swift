package import Tensors

/// An operand whose values the oracle knows without asking the device.
package struct Input: Sendable {
    package let shape: [Int]
    package let dtype: DType
    /// In row-major order; exact in `dtype`.
    package let values: [Float]

    package init(shape: [Int], dtype: DType, values: [Float]) {
        self.shape = shape
        self.dtype = dtype
        self.values = values
    }

    /// Numbers in -scale ..< scale (a power of two). For narrow types they are multiples of scale / 64, which all of
    /// them hold exactly: so the device rounds nothing that the oracle does not know.
    package static func random(
        _ shape: [Int], _ dtype: DType, scale: Float = 1, seed: UInt64
    ) -> Input {
        let count = shape.reduce(1, *)
        let bits: UInt64 = dtype == .f32 ? 24 : 7
        let unit = scale / Float(1 << (bits - 1))
        var noise = Noise(seed: seed)
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            let half = UInt64(1) << (bits - 1)
            let mask = half * 2 - 1
            for i in 0..<count {
                buffer.initializeElement(
                    at: i, to: Float(Int64(bitPattern: (noise.next() & mask) &- half)) * unit)
            }
            filled = count
        }
        return Input(shape: shape, dtype: dtype, values: values)
    }

    /// Whole numbers in 0 ..< limit, i32.
    package static func ids(_ count: Int, below limit: Int, seed: UInt64) -> Input {
        var noise = Noise(seed: seed)
        let values = (0..<count).map { _ in Float(noise.next() % UInt64(limit)) }
        return Input(shape: [count], dtype: .i32, values: values)
    }

    /// The operand on a device.
    package func tensor(on device: Device) -> Tensor {
        if dtype == .i32 { return Tensor(values.map { Int32($0) }, shape: shape, on: device) }
        return Tensor(values, shape: shape, on: device).cast(to: dtype)
    }

    package var bytes: Int { values.count * dtype.size }
}

/// Which of `count` things are looked at: the first, the last and some between, in ascending order.
package func sampled(_ count: Int, _ wanted: Int, seed: UInt64 = 7) -> [Int] {
    guard count > wanted else { return Array(0..<Swift.max(0, count)) }
    var noise = Noise(seed: seed &+ UInt64(count))
    var chosen: Set<Int> = [0, count - 1]
    while chosen.count < wanted { chosen.insert(Int(noise.next() % UInt64(count))) }
    return chosen.sorted()
}
