import Glibc
import Synchronization

/// Ctrl-C as a wish that the program looks at, not its end.
enum Interrupt {
    private static let count = Atomic<Int>(0)

    /// From here on, Ctrl-C is only counted. A read that waits for input returns.
    static func catchAll() {
        count.store(0, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            Interrupt.count.add(1, ordering: .relaxed)
        }
        sigaction(SIGINT, &action, nil)
    }

    /// Whether Ctrl-C was pressed since this was last asked.
    static func take() -> Bool { count.exchange(0, ordering: .relaxed) > 0 }
}
