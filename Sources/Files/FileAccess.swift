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
/// new ones, whatever happens in between. Links, pipes and devices are written to, not replaced.
public func writeFile(_ path: String, _ parts: [[UInt8]]) throws(FileError) {
    var status = stat()
    if lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG {
        return try writeInPlace(path, parts)
    }
    let temporary = "\(path).part-\(getpid())"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw FileError(path, "cannot be written: \(systemError())") }
    var failed = false
    for part in parts where !failed {
        failed = !part.withUnsafeBytes { writeAll(file, $0) }
    }
    failed = failed || fsync(file) != 0
    let problem = systemError()
    failed = close(file) != 0 || failed
    if failed || rename(temporary, path) != 0 {
        let problem = failed ? problem : systemError()
        unlink(temporary)
        throw FileError(path, "cannot be written: \(problem)")
    }
}

private func writeInPlace(_ path: String, _ parts: [[UInt8]]) throws(FileError) {
    let file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
    defer { close(file) }
    for part in parts {
        guard file >= 0, part.withUnsafeBytes({ writeAll(file, $0) }) else {
            throw FileError(path, "cannot be written: \(systemError())")
        }
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

/// The paths of all files below a folder, sorted, folders walked through in order.
public func filesBelow(_ folder: String) throws(FileError) -> [String] {
    guard let handle = opendir(folder) else {
        throw FileError(folder, "cannot be opened: \(systemError())")
    }
    defer { closedir(handle) }
    var names: [(String, Bool)] = []
    while let entry = readdir(handle) {
        let name = withUnsafePointer(to: entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name == "." || name == ".." { continue }
        var status = stat()
        let known = stat("\(folder)/\(name)", &status) == 0
        names.append((name, known && status.st_mode & S_IFMT == S_IFDIR))
    }
    var found: [String] = []
    for (name, isFolder) in names.sorted(by: { $0.0 < $1.0 }) {
        found += isFolder ? try filesBelow("\(folder)/\(name)") : ["\(folder)/\(name)"]
    }
    return found
}
