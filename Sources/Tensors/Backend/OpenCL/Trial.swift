import Synchronization

/// A run whose kernels may fail to build or to launch: `apus tune` looks for tile sizes that work.
package enum Trial {
    @TaskLocal private static var failures: Failures?

    private final class Failures: Sendable {
        let seen = Atomic(false)
    }

    /// Whether the body ran without a kernel that failed. Its results count only then.
    package static func succeeds(_ body: () -> Void) -> Bool {
        let failures = Failures()
        $failures.withValue(failures) { body() }
        return !failures.seen.load(ordering: .relaxed)
    }

    /// Takes note of a failure if this is a trial.
    static func notesFailure() -> Bool {
        guard let failures else { return false }
        failures.seen.store(true, ordering: .relaxed)
        return true
    }
}

/// The names of the kernels that a piece of work launches, for benchmarks.
package enum LaunchLog {
    @TaskLocal private static var names: Names?

    private final class Names: Sendable {
        let list = Mutex<[String]>([])
    }

    /// The kernels that the body launched, each once, in their order.
    package static func kernels(_ body: () -> Void) -> [String] {
        let names = Names()
        $names.withValue(names) { body() }
        return names.list.withLock { $0 }
    }

    static func note(_ name: String) {
        names?.list.withLock { if !$0.contains(name) { $0.append(name) } }
    }
}
