import CApus

/// Runs ops on an OpenCL device, through the kernels of Kernels/. Calls enqueue; only downloads and `synchronize` wait.
package final class OpenCLBackend: Backend {
    package let name: String
    package let description: OpenCLDescription
    /// What `apus tune` found on this device.
    package let tuning: TuningStore
    /// Calls on it may come from any thread, and it lives as long as the process: `Device` opens each device once.
    nonisolated(unsafe) let context: OpaquePointer

    /// Opens a device by its place in the list of all.
    package init(index: Int) throws(DeviceError) {
        var info = apus_cl_device_info()
        guard apus_cl_device(Int32(index), &info), let context = apus_cl_open(Int32(index), true)
        else {
            throw DeviceError("opencl:\(index): \(lastError())")
        }
        name = "opencl:\(index)"
        description = OpenCLDescription(info)
        tuning = TuningStore(
            device: description.name, driver: description.driver,
            folder: apus_cl_cache_folder().map { String(cString: $0) })
        self.context = context
    }

    package static var count: Int { Int(apus_cl_device_count()) }

    /// Why there is no device, where there is none.
    package static var problem: String { lastError() }

    package var memory: MemoryStatistics {
        let s = apus_cl_context_statistics(context)
        var memory = MemoryStatistics()
        memory.inUse = Int(s.bytes_used)
        memory.peak = Int(s.bytes_peak)
        memory.cached = Int(s.bytes_cached)
        memory.systemRequests = Int(s.allocations)
        memory.uploaded = Int(s.bytes_written)
        memory.downloaded = Int(s.bytes_read)
        return memory
    }

    package func allocate(bytes: Int) -> Storage {
        guard let buffer = apus_cl_buffer_new(context, Int64(max(bytes, 1))) else { fail() }
        return Storage(bytes: bytes, handle: UnsafeMutableRawPointer(buffer), device: self)
    }

    package func free(_ handle: UnsafeMutableRawPointer) {
        apus_cl_buffer_free(OpaquePointer(handle))
    }

    package func upload(_ bytes: UnsafeRawBufferPointer, to storage: Storage, at offset: Int) {
        guard bytes.count > 0 else { return }
        if !apus_cl_write(storage.buffer, Int64(offset), bytes.baseAddress, Int64(bytes.count)) {
            fail()
        }
    }

    package func download(
        _ storage: Storage, at offset: Int, into bytes: UnsafeMutableRawBufferPointer
    ) {
        guard bytes.count > 0 else { return }
        if !apus_cl_read(storage.buffer, Int64(offset), bytes.baseAddress, Int64(bytes.count)) {
            fail()
        }
    }

    package func synchronize() { if !apus_cl_finish(context) { fail() } }

    /// The device's own time for the kernels that the body launches, in seconds.
    package func deviceSeconds(_ body: () -> Void) -> Double {
        guard apus_cl_timing_begin(context) else { fail() }
        body()
        return apus_cl_timing_end(context)
    }

    func fail() -> Never { deviceFailure(name, lastError()) }

    /// Nil only in a trial, for a kernel that does not build.
    func kernel(_ file: String, _ name: String, _ options: String) -> OpaquePointer? {
        let kernel = apus_cl_kernel_get(context, file, name, options)
        if kernel == nil && !Trial.notesFailure() { fail() }
        return kernel
    }
}

private func lastError() -> String {
    apus_cl_error().map { String(cString: $0) } ?? "unknown failure"
}

extension Storage {
    var buffer: OpaquePointer { OpaquePointer(handle) }
}

/// What a device is, for listings.
package struct OpenCLDescription: Sendable {
    package let name, vendor, driver, language, platform: String
    package let globalMemory, localMemory, largestBlock, computeUnits, clockMHz, largestGroup: Int
    package let isCPU: Bool
    /// In words: "half arithmetic", "subgroups", ….
    package let features: [String]

    init(_ info: apus_cl_device_info) {
        func text(_ pointer: UnsafePointer<CChar>?) -> String {
            pointer.map { String(cString: $0) } ?? ""
        }
        (name, vendor, driver) = (text(info.name), text(info.vendor), text(info.driver))
        (language, platform) = (text(info.language), text(info.platform))
        (globalMemory, localMemory) = (Int(info.global_memory), Int(info.local_memory))
        (largestBlock, largestGroup) = (Int(info.max_allocation), Int(info.max_work_group))
        (computeUnits, clockMHz) = (Int(info.compute_units), Int(info.clock_mhz))
        isCPU = info.is_cpu
        let named = [
            ("half arithmetic", info.half_arithmetic), ("subgroups", info.subgroups),
            ("integer dot product", info.integer_dot), ("NVIDIA PTX", info.nvidia_ptx),
            ("memory shared with the CPU", info.unified_memory),
        ]
        features = named.filter(\.1).map(\.0)
    }
}
