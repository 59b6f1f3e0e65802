import Glibc
import Synchronization

/// Ctrl-C as a wish that the program looks at, not its end.
enum Interrupt {
    private static let count = Atomic<Int>(0)

    /// From here on, Ctrl-C is only counted. A read that waits for input returns, also after Ctrl-Z and fg.
    static func catchAll() {
        count.store(0, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            Interrupt.count.add(1, ordering: .relaxed)
        }
        sigaction(SIGINT, &action, nil)
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(SIGCONT, &action, nil)
    }

    /// Whether Ctrl-C was pressed and not taken yet.
    static var isWished: Bool { count.load(ordering: .relaxed) > 0 }

    /// Whether Ctrl-C was pressed since this was last asked.
    static func take() -> Bool { count.exchange(0, ordering: .relaxed) > 0 }
}
