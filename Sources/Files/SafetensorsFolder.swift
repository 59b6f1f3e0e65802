public import Tensors

/// The safetensors files of a model's folder: one, or several that an index lists.
public struct SafetensorsFolder: Sendable {
    public let path: String
    public let files: [SafetensorsFile]
    private let index: [String: Int]

    /// All tensors, file by file.
    public var entries: [SafetensorsFile.Entry] { files.flatMap(\.entries) }

    /// The files that a folder's index lists, or its only one. A file that the index names must lie in the folder itself.
    public init(path folder: String) throws(FileError) {
        let (names, listed) = try SafetensorsFolder.weights(of: folder)
        var files: [SafetensorsFile] = []
        for name in names { files.append(try SafetensorsFile(path: "\(folder)/\(name)")) }
        var index: [String: Int] = [:]
        for (place, file) in files.enumerated() {
            for entry in file.entries {
                guard index.updateValue(place, forKey: entry.name) == nil else {
                    throw FileError(file.path, "tensor \(entry.name.quoted) stands in two files")
                }
            }
        }
        for name in listed where index[name] == nil {
            throw FileError(folder, "its index lists \(name.quoted), which no file has")
        }
        (path, self.files, self.index) = (folder, files, index)
    }

    public func contains(_ name: String) -> Bool { index[name] != nil }

    /// A tensor by its name, as `SafetensorsFile` gives it.
    public func tensor(_ name: String, on device: Device = .default) throws(FileError) -> Tensor {
        guard let place = index[name] else {
            throw FileError(path, "has no tensor \(name.quoted)")
        }
        return try files[place].tensor(name, on: device)
    }

    /// The names of the files with weights, and of the tensors that an index lists.
    private static func weights(of folder: String) throws(FileError)
        -> (files: [String], tensors: [String])
    {
        let all = try namesIn(folder).filter { $0.hasPrefix(".") == false }
        if let name = all.first(where: { $0.hasSuffix(".safetensors.index.json") }) {
            return try shards("\(folder)/\(name)")
        }
        let found = all.filter { $0.hasSuffix(".safetensors") }
        if found.contains("model.safetensors") { return (["model.safetensors"], []) }
        guard found.count == 1 else {
            let isPickle = all.contains { $0.hasSuffix(".bin") || $0.hasSuffix(".pt") }
            throw FileError(
                folder,
                found.count > 1
                    ? "has several .safetensors files and no index"
                    : isPickle
                        ? "has no .safetensors file, only pickled weights, which can run code"
                        : "has no .safetensors file")
        }
        return (found, [])
    }

    /// The files and tensors that an index names.
    private static func shards(_ path: String) throws(FileError)
        -> (files: [String], tensors: [String])
    {
        let index = try JSON(parsing: readFile(path), path: path)
        guard let map = index["weight_map"]?.members, !map.isEmpty else {
            throw FileError(path, "has no weight_map")
        }
        var names: Set<String> = []
        for member in map {
            guard let name = member.value.string, !name.isEmpty, !name.contains("/"),
                !name.contains("\0"), !name.hasPrefix("."), name.hasSuffix(".safetensors")
            else {
                throw FileError(
                    path, "\(member.key.quoted) lies in no .safetensors file of this folder")
            }
            names.insert(name)
        }
        return (names.sorted(), map.map(\.key))
    }
}
