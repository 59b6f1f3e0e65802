/// The small model that the package carries, for who has none.
enum DefaultModel {
    /// Where it lies; nil if this build carries none.
    static func path() throws -> String? { nil }
}
