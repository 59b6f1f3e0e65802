import Synchronization

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

/// A device that cannot be had.
public struct DeviceError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

extension Device {
    /// An OpenCL device, by its place in the list of all.
    public static func opencl(_ index: Int) throws(DeviceError) -> Device {
        guard index >= 0 && index < openCLCount else {
            let there =
                openCLCount == 0
                ? "there is no OpenCL device here (\(OpenCLBackend.problem))"
                : "there are \(openCLCount)"
            throw DeviceError("opencl:\(index): \(there); the CPU is the device \"cpu\"")
        }
        return try opened.withLock { devices throws(DeviceError) in
            if let device = devices[index] { return device }
            let device = Device(try OpenCLBackend(index: index))
            devices[index] = device
            return device
        }
    }

    /// How many OpenCL devices there are.
    public static let openCLCount = OpenCLBackend.count

    /// Each device is opened once and stays open.
    private static let opened = Mutex<[Int: Device]>([:])

    /// The CPU and every OpenCL device that opens.
    public static var all: [Device] { [.cpu] + (0..<openCLCount).compactMap { try? opencl($0) } }

    /// Where work is likely done fastest: a GPU if there is one, else the CPU. OpenCL on the CPU is never faster than the
    /// CPU's own kernels and is not chosen.
    public static var best: Device {
        all.first { ($0.backend as? OpenCLBackend).map { !$0.description.isCPU } ?? false } ?? .cpu
    }

    /// The device with this name: "cpu", "best", "opencl" (the first) or "opencl:1".
    public static func named(_ name: String) throws(DeviceError) -> Device {
        if name == "cpu" { return .cpu }
        if name == "best" { return best }
        if name == "opencl" { return try opencl(0) }
        if name.hasPrefix("opencl:"), let index = Int(name.dropFirst("opencl:".count)) {
            return try opencl(index)
        }
        throw DeviceError("unknown device \(name): there are cpu, best, opencl:0, opencl:1 …")
    }
}
