import CApus
import Synchronization

/// Runs ops on the CPU, through the kernels of CApus. Calls return when the work is done.
package final class CPUBackend: Backend {
    package var name: String { "cpu" }

    /// How long weights in files may be packed for good before the next product (see `StoredBlocks`).
    let packingTime = Mutex(Duration.zero)

    package init() {}

    package var memory: MemoryStatistics {
        let s = apus_memory_get_statistics()
        var memory = MemoryStatistics()
        memory.inUse = Int(s.in_use)
        memory.peak = Int(s.peak)
        memory.cached = Int(s.cached)
        memory.systemRequests = Int(s.system_requests)
        return memory
    }

    package func allocate(bytes: Int) -> Storage {
        guard let block = apus_memory_allocate(bytes) else {
            deviceFailure(name, "out of memory: the system refused a block of \(bytes) bytes")
        }
        return Storage(bytes: bytes, handle: block, device: self)
    }

    package func free(_ handle: UnsafeMutableRawPointer) { apus_memory_free(handle) }

    package func upload(_ bytes: UnsafeRawBufferPointer, to storage: Storage, at offset: Int) {
        guard let start = bytes.baseAddress else { return }
        (storage.handle + offset).copyMemory(from: start, byteCount: bytes.count)
    }

    package func download(
        _ storage: Storage, at offset: Int, into bytes: UnsafeMutableRawBufferPointer
    ) {
        guard let start = bytes.baseAddress else { return }
        start.copyMemory(from: storage.handle + offset, byteCount: bytes.count)
    }

    package func synchronize() {}
}

extension Tensor {
    /// The address of the element with all indices 0.
    var address: UnsafeMutableRawPointer { storage.handle + layout.offset * dtype.size }

    func pointer<T>(_ type: T.Type = T.self) -> UnsafeMutablePointer<T> {
        address.assumingMemoryBound(to: T.self)
    }

    /// This tensor as C sees it. Valid while the tensor is alive.
    var array: apus_array {
        require(
            rank <= Int(APUS_MAX_RANK),
            "a tensor of rank \(rank): kernels take at most \(APUS_MAX_RANK)")
        var array = apus_array()
        array.data = address
        array.dtype = dtype.c
        array.rank = Int32(rank)
        withUnsafeMutableBytes(of: &array.shape) { bytes in
            let shape = bytes.bindMemory(to: Int64.self)
            for axis in 0..<rank { shape[axis] = Int64(layout.shape[axis]) }
        }
        withUnsafeMutableBytes(of: &array.strides) { bytes in
            let strides = bytes.bindMemory(to: Int64.self)
            for axis in 0..<rank { strides[axis] = Int64(layout.stride(axis)) }
        }
        return array
    }
}

extension DType {
    var c: apus_dtype { apus_dtype(rawValue: rawValue) }
}

extension Activation {
    var c: apus_activation { apus_activation(rawValue: rawValue) }
}

/// Calls C with the arrays of tensors, which live until it returns. Inlined, so that no list of them is allocated.
@inline(__always)
func withArrays(_ tensors: Tensor..., body: (UnsafePointer<apus_array>) -> Void) {
    withUnsafeTemporaryAllocation(of: apus_array.self, capacity: tensors.count) { arrays in
        for i in tensors.indices { arrays.initializeElement(at: i, to: tensors[i].array) }
        withExtendedLifetime(tensors) { UnsafePointer(arrays.baseAddress).map(body) }
    }
}
