/// A GGUF file: metadata and named tensors, which are read from the mapped file when they are asked for.
///
/// Layout: magic number, version, number of tensors, number of entries; the entries of the metadata; the list of the
/// tensors; their data one behind the other, each beginning at a multiple of `general.alignment`.
public struct GGUFFile: Sendable {
    public let metadata: GGUFMetadata
    /// In the order of the file.
    public let tensors: [GGUFTensor]
    /// Where tensors begin: at multiples of this.
    public let alignment: Int
    let file: FileMapping
    private let index: [String: Int]

    public var path: String { file.path }

    public init(path: String) throws(FileError) { try self.init(FileMapping(path: path)) }

    /// A whole file in memory.
    public init(_ bytes: [UInt8], path: String) throws(FileError) {
        try self.init(FileMapping(bytes, path: path))
    }

    private init(_ file: FileMapping) throws(FileError) {
        self.file = file
        var reader = ByteReader(file)
        metadata = try GGUFMetadata(reading: &reader, path: file.path)
        alignment = try GGUFFile.alignment(metadata, file.path)
        var (tensors, index): ([GGUFTensor], [String: Int]) = ([], [:])
        for place in 0..<metadata.tensorCount {
            let tensor = try GGUFTensor(reading: &reader, path: file.path)
            guard index.updateValue(place, forKey: tensor.name) == nil else {
                throw FileError(file.path, "tensor \(tensor.name.quoted) stands twice")
            }
            tensors.append(tensor)
        }
        try GGUFFile.place(&tensors, behind: reader.position, alignment, file)
        (self.tensors, self.index) = (tensors, index)
    }

    private static func alignment(_ metadata: GGUFMetadata, _ path: String) throws(FileError) -> Int
    {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard case .uint32(let alignment) = value, alignment.nonzeroBitCount == 1 else {
            throw FileError(path, "general.alignment is no power of two")
        }
        return Int(alignment)
    }

    /// Checks that the tensors follow each other in the data without overlaps or holes, and that all bytes are there;
    /// then counts their offsets from the beginning of the file.
    private static func place(
        _ tensors: inout [GGUFTensor], behind head: Int, _ alignment: Int, _ file: FileMapping
    ) throws(FileError) {
        // Sums stay far from overflow: every end is checked against the file's length.
        let data = (head + alignment - 1) / alignment * alignment
        var end = 0
        for place in tensors.indices {
            let tensor = tensors[place]
            let start = (end + alignment - 1) / alignment * alignment
            guard tensor.offset == start else {
                throw FileError(
                    file.path,
                    "tensor \(tensor.name.quoted) begins at byte \(tensor.offset) of the data, not at \(start)"
                )
            }
            let room = file.count - data - start
            guard tensor.byteCount <= room else {
                throw FileError(
                    file.path,
                    "ends inside tensor \(tensor.name.quoted): \(tensor.byteCount) bytes wanted, \(max(0, room)) left"
                )
            }
            tensors[place].offset = data + start
            end = start + tensor.byteCount
        }
    }

    /// Whether a file begins as GGUF files do.
    public static func isOne(_ path: String) throws(FileError) -> Bool {
        try FileMapping(path: path).prefix(4) == Array("GGUF".utf8)
    }

    public func contains(_ name: String) -> Bool { index[name] != nil }

    /// What is known of a tensor without reading it.
    public func entry(_ name: String) -> GGUFTensor? { index[name].map { tensors[$0] } }

    func known(_ name: String) throws(FileError) -> GGUFTensor {
        guard let tensor = entry(name) else {
            throw FileError(path, "has no tensor \(name.quoted)")
        }
        return tensor
    }
}
