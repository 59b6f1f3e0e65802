// Tensors that a file's reader fills part by part, straight from the file's memory, or leaves there.
import CApus

/// A mapped file that weights are read from. If it is cut short or a disk fails, whoever reads what is gone ends the process
/// in one line.
package final class WatchedFile: Sendable {
    private nonisolated(unsafe) let start: UnsafeRawPointer

    package init(_ start: UnsafeRawPointer, count: Int, path: String) {
        self.start = start
        apus_watch_mapped_file(
            start, count,
            "apus: \(path): could not be read any more: it was cut short, or its disk failed\n")
    }

    deinit { apus_forget_mapped_file(start) }
}

extension Tensor {
    /// Memory for values that `fill` brings.
    package init(uninitialized shape: [Int], dtype: DType, on device: Device) {
        self = .uninitialized(shape, dtype, on: device.backend)
    }

    /// Puts bytes in their place, counted from the tensor's beginning. Nobody else may have seen the tensor yet.
    package func fill(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        require(
            offset >= 0 && offset + bytes.count <= count * dtype.size,
            "fill: \(bytes.count) bytes at \(offset) do not fit in \(shape) of \(dtype)")
        backend.upload(bytes, to: storage, at: offset)
    }
}

extension QuantizedTensor {
    /// Memory for blocks that `fill` brings.
    package init(uninitialized format: BlockFormat, rows: Int, columns: Int, on device: Device) {
        require(
            columns % format.blockValues == 0,
            "\(format): \(columns) columns are no whole number of blocks")
        let width = columns / format.blockValues * format.blockBytes
        let part = Tensor(uninitialized: [rows, width], dtype: .u8, on: device)
        self.init(.blocks(format), parts: [part], rows: rows, columns: columns)
    }

    /// Blocks that stay where a file's mapping holds them until it pays to pack them. For the CPU.
    ///
    /// - Parameters:
    ///   - bytes: valid as long as `letGo` is kept.
    ///   - letGo: told which of them are not needed soon.
    package init(
        stored bytes: UnsafeRawBufferPointer, as format: BlockFormat, rows: Int, columns: Int,
        letGo: @escaping @Sendable (Range<Int>) -> Void
    ) {
        let width = columns / format.blockValues * format.blockBytes
        guard let first = bytes.baseAddress, rows > 0, bytes.count == rows * width else {
            mistake("stored: \(bytes.count) bytes are no \(rows) rows of \(width)")
        }
        let stored = StoredBlocks(format, rows: rows, columns: columns, at: first, letGo: letGo)
        let storage = Storage(
            bytes: bytes.count, handle: UnsafeMutableRawPointer(mutating: first),
            device: Device.cpu.backend, stored: stored)
        let part = Tensor(storage: storage, layout: Layout([rows, width]), dtype: .u8)
        self.init(.blocks(format), parts: [part], rows: rows, columns: columns)
    }

    /// Packs whole rows as they stand in a file. The first is a multiple of 16, and so is their number, unless they
    /// are the last.
    package func fill(_ blocks: UnsafeRawBufferPointer, fromRow first: Int) {
        guard case .blocks(let format) = quantization else {
            preconditionFailure("fill: \(quantization) is no block format")
        }
        let width = parts[0].shape[1]
        let count = blocks.count / width
        require(
            blocks.count == count * width && first >= 0 && first % 16 == 0 && first + count <= rows
                && (count % 16 == 0 || first + count == rows),
            "fill: \(blocks.count) bytes from row \(first) are no part of \(rows) rows of \(width)")
        parts[0].backend.uploadBlocks(format, blocks, to: parts[0], row: first, columns: columns)
    }
}
