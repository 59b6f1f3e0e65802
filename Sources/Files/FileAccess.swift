import Glibc

/// All bytes of a file.
public func readFile(_ path: String) throws(FileError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw FileError(path, "cannot be opened: \(systemError())") }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else {
        throw FileError(path, "cannot be read: \(systemError())")
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path, "is not a file") }
    let size = Int(status.st_size)
    var failure: FileError?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
        while filled < size {
            let count = read(file, buffer.baseAddress.map { $0 + filled }, size - filled)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { failure = FileError(path, "cannot be read: \(systemError())") }
            if count <= 0 { return }
            filled += count
        }
    }
    if let failure { throw failure }
    return bytes
}

/// Writes a file whole: to a temporary one beside it, which then takes its name. A reader sees the old bytes or the
/// new ones, whatever happens in between. Pipes and devices are written to, not replaced.
public func writeFile(_ path: String, _ parts: [[UInt8]]) throws(FileError) {
    try writeFile(path) { file throws(FileError) in
        for part in parts { try file.write(part) }
    }
}

/// As above, part by part: what the body writes.
public func writeFile(_ path: String, _ body: (FileSink) throws(FileError) -> Void)
    throws(FileError)
{
    var status = stat()
    if stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG {
        let sink = try FileSink(path, path, isNew: false)
        defer { close(sink.file) }
        return try body(sink)
    }
    let target = behindLinks(path)
    let temporary = "\(target).part-\(getpid())"
    let sink = try FileSink(path, temporary, isNew: true)
    do throws(FileError) {
        try body(sink)
        guard fsync(sink.file) == 0, rename(temporary, target) == 0 else {
            throw FileError(path, "cannot be written: \(systemError())")
        }
    } catch {
        close(sink.file)
        unlink(temporary)
        throw error
    }
    close(sink.file)
}

/// Where a link leads: that file is replaced, not the link.
private func behindLinks(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
}

/// A file that is being written.
public struct FileSink {
    fileprivate let file: Int32
    private let path: String

    public func write(_ bytes: [UInt8]) throws(FileError) {
        guard bytes.withUnsafeBytes({ writeAll(file, $0) }) else {
            throw FileError(path, "cannot be written: \(systemError())")
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard writeAll(file, bytes) else {
            throw FileError(path, "cannot be written: \(systemError())")
        }
    }

    fileprivate init(_ path: String, _ target: String, isNew: Bool) throws(FileError) {
        let flags = O_WRONLY | O_TRUNC | O_CLOEXEC | (isNew ? O_CREAT : 0)
        (self.path, file) = (path, open(target, flags, 0o644))
        guard file >= 0 else { throw FileError(path, "cannot be written: \(systemError())") }
    }
}

private func writeAll(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var done = 0
    while done < bytes.count {
        let count = write(file, bytes.baseAddress.map { $0 + done }, bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return false }
        done += count
    }
    return true
}

func systemError() -> String { String(cString: strerror(errno)) }

/// Whether a path leads to a folder.
public func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Whether a path leads to something.
public func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// What a folder holds, sorted, without `.` and `..`.
public func namesIn(_ folder: String) throws(FileError) -> [String] {
    guard let handle = opendir(folder) else {
        throw FileError(folder, "cannot be opened: \(systemError())")
    }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
        let name = withUnsafePointer(to: entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// The paths of all files below a folder, sorted, folders walked through in order.
public func filesBelow(_ folder: String) throws(FileError) -> [String] {
    var found: [String] = []
    for name in try namesIn(folder) {
        let path = "\(folder)/\(name)"
        found += isFolder(path) ? try filesBelow(path) : [path]
    }
    return found
}
