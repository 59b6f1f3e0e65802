// Numbers as people read them.

/// A number with a fixed count of digits after the point; "–" for what is not a number.
package func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "–" }
    var power = 1.0
    for _ in 0..<digits { power *= 10 }
    let scaled = (abs(value) * power).rounded()
    guard scaled < 0x1p62 else { return value.description }
    var text = String(Int64(scaled))
    if digits > 0 {
        text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        text.insert(".", at: text.index(text.endIndex, offsetBy: -digits))
    }
    return value < 0 && scaled > 0 ? "-" + text : text
}

/// Three digits or a little more: "0.123", "12.3", "1234".
package func short(_ value: Double) -> String {
    switch abs(value) {
    case ..<1: fixed(value, 3)
    case ..<10: fixed(value, 2)
    case ..<100: fixed(value, 1)
    default: fixed(value, 0)
    }
}

/// "1.23 ms", "45.6 µs", "2.00 s".
package func duration(_ seconds: Double) -> String {
    switch seconds {
    case ..<1e-6: short(seconds * 1e9) + " ns"
    case ..<1e-3: short(seconds * 1e6) + " µs"
    case ..<1: short(seconds * 1e3) + " ms"
    default: short(seconds) + " s"
    }
}

/// "48 KB", "32 MB", "1.5 TB": powers of 1024, as caches and memories are counted.
package func size(_ bytes: Double) -> String {
    var (value, unit) = (bytes, 0)
    let units = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 1024 && unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
    guard value < 1e6 else { return "more than 1000000 EB" }
    return (value == value.rounded() ? fixed(value, 0) : short(value)) + " " + units[unit]
}

extension String {
    /// Filled with spaces to a width in characters.
    package func padded(_ width: Int, right: Bool = false) -> String {
        let fill = String(repeating: " ", count: Swift.max(0, width - count))
        return right ? fill + self : self + fill
    }
}
