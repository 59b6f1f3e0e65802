import Glibc
import Synchronization
import Tensors

/// A file's bytes, mapped read-only: the system reads them when they are used, and shares them with other programs.
///
/// Who replaces the file by renaming a new one (as everything here does) leaves the mapping intact.
public final class FileMapping: Sendable {
    public let path: String
    public let count: Int
    /// Never written to, and valid until the mapping goes; nil where there are no bytes.
    private nonisolated(unsafe) let start: UnsafeRawPointer?
    /// Bytes that are in memory anyway, which `start` then points to.
    private nonisolated(unsafe) let copy: UnsafeMutableRawPointer?
    /// Once weights are read from the file whenever they are needed.
    private let watch = Mutex<WatchedFile?>(nil)

    /// Maps a file.
    public init(path: String) throws(FileError) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw FileError(path, "cannot be opened: \(systemError())") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw FileError(path, "cannot be read: \(systemError())")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path, "is not a file") }
        (self.path, count, copy) = (path, Int(status.st_size), nil)
        guard count > 0 else {
            start = nil
            return
        }
        guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, file, 0), address != MAP_FAILED
        else { throw FileError(path, "cannot be mapped: \(systemError())") }
        start = UnsafeRawPointer(address)
    }

    /// Bytes that were read before.
    public init(_ bytes: [UInt8], path: String) {
        (self.path, count) = (path, bytes.count)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
        bytes.withUnsafeBytes { source in
            source.baseAddress.map { memory.copyMemory(from: $0, byteCount: source.count) }
        }
        (copy, start) = (memory, UnsafeRawPointer(memory))
    }

    deinit {
        watch.withLock { $0 = nil }
        if let copy {
            copy.deallocate()
        } else if let start {
            munmap(UnsafeMutableRawPointer(mutating: start), count)
        }
    }

    /// Some of the bytes, as long as the body runs. The range must lie in the file.
    package func withBytes<Result, Failure>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes beyond the file")
        defer { withExtendedLifetime(self) {} }
        let first = start.map { $0 + range.lowerBound }
        return try body(UnsafeRawBufferPointer(start: first, count: range.count))
    }

    /// A copy of the first bytes, or of all if there are less.
    public func prefix(_ most: Int) -> [UInt8] { bytes(0..<min(most, count)) }

    /// A copy of some of the bytes, which must lie in the file.
    package func bytes(_ range: Range<Int>) -> [UInt8] { withBytes(range) { Array($0) } }
}

extension FileMapping {
    /// Linux's request to map pages at once; older systems refuse it, which does no harm.
    private static let populate: Int32 = 22

    /// Goes through a range from front to back in parts whose pages are loaded before and let go after use, so that a
    /// file never stands in memory beside its copy. A part is `step` bytes, the last one less.
    ///
    /// - Throws: if the file was cut short meanwhile.
    package func walk(
        _ range: Range<Int>, by step: Int,
        _ body: (_ offset: Int, UnsafeRawBufferPointer) throws(FileError) -> Void
    ) throws(FileError) {
        var offset = 0
        while offset < range.count {
            let end = offset + min(step, range.count - offset)
            let part = range.lowerBound + offset..<range.lowerBound + end
            try load(part)
            try withBytes(part) { bytes throws(FileError) in try body(offset, bytes) }
            letGo(part)
            offset = end
        }
    }

    /// Whether the bytes are a file's, not a copy.
    var isMapped: Bool { copy == nil && start != nil }

    /// Has the system begin to read a range, whose bytes are taken from the file whenever they are needed from now on: who
    /// cuts it short then ends the process, in one line.
    ///
    /// - Throws: if the file was cut short already.
    func keepReading(_ range: Range<Int>) throws(FileError) {
        try load(range.suffix(1))
        _ = advise(MADV_WILLNEED, pages(range, outwards: true))
        watch.withLock { watch in
            guard watch == nil, isMapped, let start else { return }
            watch = WatchedFile(start, count: count, path: path)
        }
    }

    /// Loads the pages that hold a range.
    ///
    /// - Throws: if the file was cut short meanwhile.
    func load(_ range: Range<Int>) throws(FileError) {
        if advise(FileMapping.populate, pages(range, outwards: true)) == EFAULT {
            throw FileError(path, "was cut short while it was read")
        }
    }

    /// Lets go of the pages that hold nothing but a range: the system keeps them as long as it has room, and maps them
    /// again when they are read.
    func letGo(_ range: Range<Int>) {
        _ = advise(MADV_DONTNEED, pages(range, outwards: false))
    }

    /// The pages that hold a range, or those that hold nothing else.
    private func pages(_ range: Range<Int>, outwards: Bool) -> Range<Int> {
        let mask = Int(getpagesize()) - 1
        let (low, high) = (range.lowerBound, range.upperBound)
        let first = (outwards ? low : low + mask) & ~mask
        return first..<max(first, outwards || high == count ? high : high & ~mask)
    }

    private func advise(_ advice: Int32, _ range: Range<Int>) -> Int32 {
        guard copy == nil, let start, !range.isEmpty else { return 0 }
        let address = UnsafeMutableRawPointer(mutating: start + range.lowerBound)
        return madvise(address, range.count, advice) == 0 ? 0 : errno
    }
}
