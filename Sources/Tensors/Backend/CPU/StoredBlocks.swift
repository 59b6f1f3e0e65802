import CApus
import Synchronization

/// A matrix in blocks that a file's mapping holds, packed for good little by little.
///
/// Rows that are not packed yet are packed in the cache whenever a product takes them, by the function that packs them
/// for good: no bit of a result tells the two apart. That costs a product of many rows 1 to 2 %, while fresh memory for all
/// weights would hold up the first token for longer than everything else (docs/performance.md).
package final class StoredBlocks: Sendable {
    private struct State {
        /// Room for all rows, of which the first are there.
        var packed: Storage?
        var packedRows = 0
        var wasUsed = false
    }

    let byteCount: Int
    private let format: BlockFormat
    private let rows: Int
    private let columns: Int
    /// Never written to, and valid as long as `letGo` is kept.
    private nonisolated(unsafe) let first: UnsafeRawPointer
    private let letGo: @Sendable (Range<Int>) -> Void
    private let state = Mutex(State())
    /// Held by the thread that packs.
    private let turn = Mutex(())

    /// - Parameter letGo: told which bytes are not needed soon; keeps the mapping.
    init(
        _ format: BlockFormat, rows: Int, columns: Int, at first: UnsafeRawPointer,
        letGo: @escaping @Sendable (Range<Int>) -> Void
    ) {
        (self.format, self.rows, self.columns) = (format, rows, columns)
        (self.first, self.letGo) = (first, letGo)
        byteCount = rows * (columns / format.blockValues) * format.blockBytes
    }

    deinit { letGo(0..<byteCount) }

    /// The matrix as it is now. Rows are only ever added to those that are packed, so it stays right.
    var blocks: apus_blocks {
        state.withLock { state in
            var blocks = apus_blocks()
            blocks.packed = state.packed.map { UnsafeRawPointer($0.handle) }
            blocks.packed_rows = Int64(state.packedRows)
            blocks.stored = state.packedRows < rows ? first : nil
            return blocks
        }
    }

    var isPacked: Bool { state.withLock { $0.packedRows == rows } }

    /// Notes that a product takes the matrix, and tells whether one did so before.
    func use() -> Bool {
        let wasUsed = state.withLock { state in
            defer { state.wasUsed = true }
            return state.wasUsed
        }
        if !wasUsed { apus_map_pages(first, byteCount) }
        return wasUsed
    }

    /// Packs about 2 MB for good, unless all is packed or another thread is at it.
    ///
    /// - Returns: whether it packed.
    func packSome(on backend: CPUBackend) -> Bool {
        turn.withLockIfAvailable { _ in pack(about: 2 << 20, on: backend) } ?? false
    }

    var wasUsed: Bool { state.withLock { $0.wasUsed } }

    /// Packs for good what is left.
    func packAll(on backend: CPUBackend) {
        turn.withLock { _ in while pack(about: 16 << 20, on: backend) {} }
    }

    private func pack(about bytes: Int, on backend: CPUBackend) -> Bool {
        let width = byteCount / rows
        let (row, packed) = state.withLock { state in
            let packed = state.packed ?? backend.allocate(bytes: byteCount)
            state.packed = packed
            return (state.packedRows, packed)
        }
        // Up to the end of a huge page of the packed rows, behind the block's header: one that is hardly used would
        // stand beside the file's pages.
        let used = 64 + row * width
        let room = (used / bytes + 1) * bytes - used
        let count = min(rows - row, max(1, room / (16 * width)) * 16)
        guard count > 0 else { return false }
        apus_pack_blocks(
            format.c, Int64(count), Int64(columns), first + row * width,
            packed.handle + row * width)
        state.withLock { $0.packedRows = row + count }
        letGo(row + count == rows ? 0..<byteCount : row * width..<(row + count) * width)
        return true
    }
}

extension CPUBackend {
    /// Runs products with weights, some of which a file may hold. Those that are used again are packed for good, in a
    /// quarter of the time that products with such weights take.
    func using(_ weights: [Tensor], _ products: () -> Void) {
        let stored = weights.compactMap(\.storage.stored).filter { !$0.isPacked }
        guard !stored.isEmpty else { return products() }
        let used = stored.filter { $0.use() }
        let start = ContinuousClock.now
        products()
        guard !used.isEmpty else { return }
        packingTime.withLock { $0 += (ContinuousClock.now - start) / 4 }
        for matrix in used {
            while packingTime.withLock({ $0 > .zero }) {
                let start = ContinuousClock.now
                guard matrix.packSome(on: self) else { break }
                packingTime.withLock { $0 -= ContinuousClock.now - start }
            }
        }
    }
}

extension QuantizedTensor {
    /// Whether nothing is read from a file any more.
    package var isPacked: Bool { parts.allSatisfy { $0.storage.stored?.isPacked ?? true } }

    /// Packs for good what products took from a file so far, which would happen little by little.
    package func pack() {
        guard let backend = parts[0].backend as? CPUBackend else { return }
        for stored in parts.compactMap(\.storage.stored) where stored.wasUsed {
            stored.packAll(on: backend)
        }
    }
}

extension Tensor {
    /// A matrix in blocks as C sees it. Valid while the tensor is alive.
    var blocks: apus_blocks {
        if let stored = storage.stored { return stored.blocks }
        var blocks = apus_blocks()
        blocks.packed = UnsafeRawPointer(address)
        return blocks
    }
}
