import Glibc

/// Ends the process with one line on standard error and exit code 1.
///
/// For what ops cannot report, because they return tensors and do not throw: a device that ran out of memory or a kernel
/// that its driver does not build. It is no programming error, so it is no trap.
func deviceFailure(_ device: String, _ problem: String) -> Never {
    let line = Array("apus: \(device): \(problem)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(1)
}
