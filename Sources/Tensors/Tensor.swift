/// An n-dimensional array of numbers on a device.
///
/// A tensor is a value: it never changes under its reader. Views (`reshaped`, `permuted`, slices, `expanded`, `flipped`)
/// share storage and cost nothing. Ops enqueue work on the tensor's device and return at once; reading scalars waits.
///
///     let x = Tensor([[1, 2], [3, 4]])          // (2, 2) f32
///     let y = (x * x).sum(axes: [1])            // (2)
///     print(y.scalars())                        // [5.0, 25.0]
///
/// Shapes must fit: an op on shapes, axes or types that do not traps with a message that names both.
public struct Tensor: Sendable {
    package var storage: Storage
    package let layout: Layout
    public let dtype: DType
    /// How this value was computed, if gradients may be asked of it.
    package let node: Node?

    package init(storage: Storage, layout: Layout, dtype: DType, node: Node? = nil) {
        self.storage = storage
        self.layout = layout
        self.dtype = dtype
        self.node = node
    }
}

extension Tensor {
    public var shape: [Int] { layout.shape }
    public var rank: Int { layout.rank }
    /// The number of elements.
    public var count: Int { layout.count }
    public var device: Device { Device(storage.device) }

    /// Whether gradients flow through this tensor.
    public var isTracked: Bool { node != nil }

    /// The same value, cut off from the computation that made it.
    public var detached: Tensor { Tensor(storage: storage, layout: layout, dtype: dtype) }

    package var backend: any Backend { storage.device }

    /// An uninitialised tensor for a result.
    package static func uninitialized(_ shape: [Int], _ dtype: DType, on backend: any Backend)
        -> Tensor
    {
        let layout = Layout(shape)
        let storage = backend.allocate(bytes: layout.count * dtype.size)
        return Tensor(storage: storage, layout: layout, dtype: dtype)
    }

    /// An uninitialised tensor on this tensor's device.
    package func result(_ shape: [Int]? = nil, _ dtype: DType? = nil) -> Tensor {
        Tensor.uninitialized(shape ?? self.shape, dtype ?? self.dtype, on: backend)
    }

    /// Another view of the same storage, without history.
    package func view(_ layout: Layout) -> Tensor {
        Tensor(storage: storage, layout: layout, dtype: dtype)
    }

    /// An axis counted from the front; negative ones count from the back.
    package func axis(_ axis: Int, _ op: StaticString) -> Int {
        require(
            axis >= -rank && axis < rank, "\(op): axis \(axis) is not in a tensor of shape \(shape)"
        )
        return axis < 0 ? axis + rank : axis
    }

    package func axes(_ list: [Int]?, _ op: StaticString) -> [Int] {
        guard let list else { return Array(0..<rank) }
        let found = list.map { axis($0, op) }
        require(Set(found).count == found.count, "\(op): an axis stands twice in \(list)")
        return found
    }
}

/// Both tensors' device, which must be one.
package func sharedBackend(_ a: Tensor, _ b: Tensor, _ op: StaticString) -> any Backend {
    require(
        a.backend === b.backend,
        "\(op): operands on \(a.backend.name) and \(b.backend.name); move one with to(_:) first")
    return a.backend
}
