extension Tensor {
    /// The elements in row-major order, converted to `T`. Waits for the device.
    public func scalars<T: TensorScalar>(as type: T.Type = Float.self) -> [T] {
        let x = detached.cast(to: T.dtype).contiguous()
        return [T](unsafeUninitializedCapacity: count) { buffer, filled in
            x.storage.device.download(
                x.storage, at: x.layout.offset * dtypeSize(x),
                into: UnsafeMutableRawBufferPointer(buffer))
            filled = x.count
        }
    }

    /// The elements as they lie in memory, in row-major order. Waits for the device.
    public func bytes() -> [UInt8] {
        let x = detached.contiguous()
        let size = count * dtype.size
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            x.storage.device.download(
                x.storage, at: x.layout.offset * dtypeSize(x),
                into: UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[..<size]))
            filled = size
        }
    }

    /// The value of a tensor of one element. Waits for the device.
    public func item() -> Float {
        require(count == 1, "item: a tensor of shape \(shape) is not one number")
        return scalars()[0]
    }

    private func dtypeSize(_ x: Tensor) -> Int { x.dtype.size }

    /// The same values on another device (or this tensor, if it is there already). Gradients flow back.
    public func to(_ target: Device) -> Tensor {
        if target == device { return self }
        let moved = Tensor(bytes: bytes(), shape: shape, dtype: dtype, on: target)
        let home = device
        return moved.recorded(from: [self]) { [$0.to(home)] }
    }
}
