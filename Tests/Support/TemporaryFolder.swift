import Glibc

/// A place for a test's files, which goes away with it.
public final class TemporaryFolder {
    public let path: String

    public init() {
        var dice = SystemRandomNumberGenerator()
        path = "/tmp/apus-test-\(getpid())-\(dice.next() as UInt64)"
        mkdir(path, 0o755)
    }

    deinit { TemporaryFolder.remove(path) }

    private static func remove(_ path: String) {
        guard let folder = opendir(path) else {
            unlink(path)
            return
        }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { remove("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
    }
}
