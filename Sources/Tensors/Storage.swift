/// A block of device memory, freed to its device's cache when the last tensor lets go of it.
///
/// `@unchecked Sendable` is sound: the handle and the size never change, and the bytes behind them are only
/// written (1) by the op that allocated the storage, before any other thread can see it, or (2) by in-place updates,
/// which take `inout Tensor` and copy first unless the storage is uniquely referenced. Devices order reads after writes.
package final class Storage: @unchecked Sendable {
    package let bytes: Int
    /// A CPU address, or an OpenCL buffer handle.
    package let handle: UnsafeMutableRawPointer
    package let device: any Backend
    /// Blocks that a file's mapping holds, on the CPU. Nobody reads those through the handle, which is the mapping's.
    package let stored: StoredBlocks?

    package init(
        bytes: Int, handle: UnsafeMutableRawPointer, device: any Backend,
        stored: StoredBlocks? = nil
    ) {
        self.bytes = bytes
        self.handle = handle
        self.device = device
        self.stored = stored
    }

    deinit { if stored == nil { device.free(handle) } }
}
