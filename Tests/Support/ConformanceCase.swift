public import Files
import Tensors

/// One entry of a manifest: what to compute, from which tensors, and how close the result must be.
public struct ConformanceCase: Sendable, CustomStringConvertible {
    public let name: String
    public let op: String
    public let folder: String
    public let entry: JSON

    public init(_ entry: JSON, folder: String) throws(FileError) {
        guard let name = entry["name"]?.string else {
            throw FileError("\(folder)/manifest.json", "an entry has no name")
        }
        self.name = name
        self.op = entry["op"]?.string ?? ""
        self.folder = folder
        self.entry = entry
    }

    public var description: String { name }

    public var params: JSON { entry["params"] ?? .object([]) }

    public func tensors() throws(FileError) -> SafetensorsFile {
        try SafetensorsFile(path: "\(folder)/\(entry["file"]?.string ?? name)")
    }

    /// How far an element of a tensor may be off.
    func tolerance(of tensor: String) -> (rtol: Double, atol: Double) {
        let all = entry["tolerance"]
        let own = all?["tensors"]?[tensor]
        return (
            own?["rtol"]?.double ?? all?["rtol"]?.double ?? 0,
            own?["atol"]?.double ?? all?["atol"]?.double ?? 0
        )
    }
}

/// What came of a case.
public enum Verdict: Sendable, Equatable {
    case passed
    case failed(String)
    /// Its family is not built yet.
    case skipped
}

/// The cases of a manifest.
public func conformanceCases(manifest path: String) throws(FileError) -> [ConformanceCase] {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
        separator: "/")
    let json = try JSON(parsing: readFile(path), path: path)
    guard let entries = json.array else { throw FileError(path, "is no list of cases") }
    var cases: [ConformanceCase] = []
    for entry in entries { cases.append(try ConformanceCase(entry, folder: folder)) }
    // The programs beside chat templates are in no manifest.
    if exists("\(folder)/jinja.json") {
        let name = JSON.Member(key: "name", value: .string("jinja"))
        cases.append(try ConformanceCase(.object([name]), folder: folder))
    }
    return cases
}
