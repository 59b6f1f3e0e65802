public import Tensors

/// Named arrays in NumPy's .npz format, a zip archive of .npy files.
public struct NumPyArchive: Sendable {
    /// The arrays' names, without ".npy", as they stand in the file.
    public let names: [String]
    private let archive: ZipArchive

    public init(path: String) throws(FileError) { try self.init(ZipArchive(path: path)) }

    public init(_ archive: ZipArchive) {
        self.archive = archive
        names = archive.entries.map { NumPyArchive.name($0.name) }
    }

    private static func name(_ file: String) -> String {
        file.hasSuffix(".npy") ? String(file.dropLast(4)) : file
    }

    public func tensor(_ name: String, on device: Device = .default) throws(FileError) -> Tensor {
        guard let place = names.firstIndex(of: name) else {
            throw FileError(archive.path, "has no array \(name)")
        }
        let bytes = try archive.contents(of: archive.entries[place])
        return try NumPyFile(bytes, path: "\(archive.path): \(name)").tensor(on: device)
    }
}

/// Writes tensors as a .npz file, whole or not at all.
public func writeNumPyArchive(
    _ tensors: [(name: String, tensor: Tensor)], deflated: Bool = false, to path: String
) throws(FileError) {
    let files = tensors.map { (name: "\($0.name).npy", contents: npy($0.tensor)) }
    try writeFile(path, [ZipArchive.bytes(of: files, deflated: deflated)])
}
