extension Tensor {
    /// The elements in row-major order, converted to `T`. Waits for the device.
    public func scalars<T: TensorScalar>(as type: T.Type = Float.self) -> [T] {
        detached.cast(to: T.dtype).elements(T.self, count)
    }

    /// The elements as they lie in memory, in row-major order. Waits for the device.
    public func bytes() -> [UInt8] { detached.elements(UInt8.self, count * dtype.size) }

    /// All elements' memory in row-major order, as `length` values of a type.
    private func elements<T>(_ type: T.Type, _ length: Int) -> [T] {
        let x = contiguous()
        return [T](unsafeUninitializedCapacity: length) { buffer, filled in
            x.backend.download(
                x.storage, at: x.layout.offset * x.dtype.size,
                into: UnsafeMutableRawBufferPointer(buffer))
            filled = length
        }
    }

    /// The value of a tensor of one element. Waits for the device.
    public func item() -> Float {
        require(count == 1, "item: a tensor of shape \(shape) is not one number")
        return scalars()[0]
    }

    /// The same values on another device (or this tensor, if it is there already). Gradients flow back.
    public func to(_ target: Device) -> Tensor {
        if target == device { return self }
        let moved = Tensor(bytes: bytes(), shape: shape, dtype: dtype, on: target)
        let home = device
        return moved.recorded(from: [self]) { [$0.to(home)] }
    }
}
