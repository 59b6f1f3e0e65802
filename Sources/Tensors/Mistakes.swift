/// Ends the program because it used an op wrongly, and says how. Like `precondition`, but the message is also printed by
/// release builds, where Swift's own leaves only a trap.
package func require(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { mistake(message()) }
}

/// Ends the program with a message about a programming mistake.
package func mistake(_ message: String) -> Never {
    fatalError(message)
}
