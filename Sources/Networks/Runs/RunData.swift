public import Files

/// Where a run's examples come from: what the user named, and what the run has noted of them, by which it can be
/// sampled without reading them again.
public struct RunData: Sendable {
    /// Nil: the set that the recipe makes itself.
    public let place: DataPlace?
    private let folder: RunFolder?

    /// - Parameter folder: of a run that stands.
    public init(_ place: DataPlace?, notedIn folder: RunFolder? = nil) {
        (self.place, self.folder) = (place, folder)
    }

    /// Whether a run stands that has read them before.
    var isKnown: Bool { folder != nil }

    /// What the run wrote to a file of its folder (see `Trainee.notes`), if it is there.
    public func note(_ file: String) throws(FileError) -> JSON? {
        guard let path = folder.map({ "\($0.path)/\(file)" }), exists(path) else { return nil }
        return try JSON(parsing: readFile(path), path: path)
    }
}

/// A file of a run's folder that says what its data are like: "data.json", "tokenizer.json".
public struct RunNote: Sendable {
    public let file: String
    public let json: JSON

    public init(_ file: String, _ json: JSON) { (self.file, self.json) = (file, json) }
}
