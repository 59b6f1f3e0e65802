/// What turns a piece of text into ids.
protocol TokenModel: Sendable {
    /// Appends the ids of a piece of valid UTF-8.
    func encode(_ piece: [UInt8], into ids: inout [Int])
}
