import Glibc
import Synchronization

/// Ctrl-C and SIGTERM as a wish: the loop finishes its step, saves and ends. A second Ctrl-C ends at once.
enum Interruption {
    private static let count = Atomic<Int>(0)

    /// From now on the signals are noted here.
    static func listen() {
        count.store(0, ordering: .relaxed)
        for name in [SIGINT, SIGTERM] {
            signal(name) { name in
                if Interruption.count.add(1, ordering: .relaxed).oldValue > 0 {
                    _exit(128 + name)
                }
            }
        }
    }

    /// The signals do again what they do to any program.
    static func ignore() {
        for name in [SIGINT, SIGTERM] { signal(name, SIG_DFL) }
    }

    static var isWanted: Bool { count.load(ordering: .relaxed) > 0 }
}
