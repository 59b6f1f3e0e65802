import Glibc

/// The `apus` that was built beside the tests, run as a program of its own, so that it can be killed.
struct ChildProcess {
    private let id: pid_t

    /// Of this checkout, as `swift build` leaves it.
    private static let program =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/") + "/.build/release/apus"

    /// - Parameters:
    ///   - output: where both its outputs go.
    ///   - blocks: the largest file that it may write, in blocks of 1024 bytes.
    init(_ words: [String], output: String, largestFile blocks: Int? = nil) {
        let limit = blocks.map { "ulimit -f \($0); " } ?? ""
        let quoted = ([ChildProcess.program] + words).map { "'\($0)'" }.joined(separator: " ")
        let command = ["/bin/bash", "-c", "\(limit)exec \(quoted) > '\(output)' 2>&1"]
        var arguments = command.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        // Threads that run tests may block signals, which a program would inherit.
        var (attributes, none) = (posix_spawnattr_t(), sigset_t())
        sigemptyset(&none)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var id = pid_t()
        id = posix_spawn(&id, command[0], nil, &attributes, &arguments, environ) == 0 ? id : -1
        self.id = id
    }

    /// It has neither ended nor been ended.
    var isRunning: Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(id), &info, WEXITED | WNOHANG | WNOWAIT) == 0
            && info.si_signo == 0
    }

    func send(_ signal: Int32) { kill(id, signal) }

    /// Its exit code; nil if a signal ended it.
    func wait() -> Int? {
        var status: Int32 = 0
        guard id > 0, waitpid(id, &status, 0) == id else { return -1 }
        return status & 0x7f == 0 ? Int(status >> 8 & 0xff) : nil
    }
}
