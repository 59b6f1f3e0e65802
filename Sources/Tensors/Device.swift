/// Where tensors live and ops run: the CPU or an OpenCL device.
///
/// Every tensor is on one device, and an op takes tensors of one device only: there is no silent copy.
/// `Device.default` is where tensors are created that do not say otherwise:
///
///     let gpu = try Device.opencl(0)
///     Device.with(gpu) { let x = Tensor.zeros([2, 3]) }
public struct Device: Sendable {
    package let backend: any Backend

    package init(_ backend: any Backend) { self.backend = backend }

    public static let cpu = Device(CPUBackend())

    @TaskLocal private static var current: Device?

    /// Where new tensors go: the device of the enclosing `with`, else the CPU.
    public static var `default`: Device { current ?? .cpu }

    /// Runs the body with another default device.
    public static func with<R>(_ device: Device, _ body: () throws -> R) rethrows -> R {
        try $current.withValue(device, operation: body)
    }

    /// "cpu" or "opencl:0".
    public var name: String { backend.name }

    /// Waits until everything that was asked of the device is done.
    public func synchronize() { backend.synchronize() }

    /// What the device's caching allocator holds, and what went over the bus.
    public var memory: MemoryStatistics { backend.memory }
}

extension Device: Equatable, CustomStringConvertible {
    public static func == (a: Device, b: Device) -> Bool { a.backend === b.backend }
    public var description: String { name }
}

/// The state of a device's caching allocator, in bytes.
public struct MemoryStatistics: Sendable {
    /// Held by tensors now, and the most ever.
    public var inUse = 0
    public var peak = 0
    /// Freed and kept for the next request.
    public var cached = 0
    /// How often the system or driver was asked for a block.
    public var systemRequests = 0
    /// Bytes copied from the host and to it. LAPACK's ops on device tensors count here: they run on the CPU.
    public var uploaded = 0
    public var downloaded = 0

    public init() {}
}
