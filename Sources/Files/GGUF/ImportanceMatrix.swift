import Tensors

/// How much the columns of a model's matrices matter: the mean squares of what they were multiplied with over a text.
///
/// A file of llama.cpp's `imatrix`: GGUF with the sums `NAME.in_sum2` and the counts `NAME.counts`, or its older format.
public struct ImportanceMatrix: Sendable, Equatable {
    /// Of one tensor: for each of its matrices (one, or as many as there are experts) the sums of squares by column.
    public struct Entry: Sendable, Equatable {
        public var columns: Int
        /// (matrices, columns)
        public var sums: [Float]
        /// (matrices): how many rows were added up.
        public var counts: [Float]

        public init(columns: Int, sums: [Float], counts: [Float]) {
            (self.columns, self.sums, self.counts) = (columns, sums, counts)
        }
    }

    public var entries: [String: Entry] = [:]
    /// Where the text came from.
    public var datasets: [String] = []
    public var chunkCount = 0
    /// Tokens in a chunk.
    public var chunkSize = 0

    public init() {}

    public init(path: String) throws(FileError) { try self.init(readFile(path), path: path) }

    /// A whole file in memory.
    public init(_ bytes: [UInt8], path: String) throws(FileError) {
        if bytes.starts(with: "GGUF".utf8) {
            try self.init(GGUFFile(bytes, path: path))
        } else {
            try self.init(old: bytes, path)
        }
        guard !entries.isEmpty else { throw FileError(path, "holds no importance matrix") }
    }

    /// The mean squares (columns) for one matrix of a tensor; nil if they are not known.
    func importance(of name: String, part: Int, columns: Int) -> Tensor? {
        guard let entry = entries[name], entry.columns == columns, !entry.counts.isEmpty else {
            return nil
        }
        let part = entry.counts.count == 1 ? 0 : part
        guard part < entry.counts.count, entry.counts[part] > 0 else { return nil }
        let sums = entry.sums[part * columns..<(part + 1) * columns]
        // A column that the text never used shall not be lost.
        let least = sums.reduce(0, +) / Float(max(1, columns)) * 1e-6
        let means = sums.map { max($0, least) / entry.counts[part] }
        return means.allSatisfy { $0.isFinite && $0 >= 0 } && means.contains { $0 > 0 }
            ? Tensor(means, on: .cpu) : nil
    }

    private init(_ file: GGUFFile) throws(FileError) {
        let metadata = file.metadata
        datasets = metadata["imatrix.datasets"]?.array?.compactMap(\.string) ?? []
        chunkCount = max(0, metadata["imatrix.chunk_count"]?.int ?? 0)
        chunkSize = max(0, metadata["imatrix.chunk_size"]?.int ?? 0)
        let ending = ".in_sum2"
        for tensor in file.tensors where tensor.name.hasSuffix(ending) {
            let name = String(tensor.name.dropLast(ending.count))
            let sums = try file.tensor(tensor.name, on: .cpu).scalars()
            let counts = try file.tensor("\(name).counts", on: .cpu).scalars()
            let columns = tensor.shape.last ?? 1
            guard counts.count > 0, sums.count == counts.count * columns else {
                throw FileError(file.path, "\(name.quoted): sums and counts do not fit together")
            }
            entries[name] = Entry(columns: columns, sums: sums, counts: counts)
        }
    }

    private init(old bytes: [UInt8], _ path: String) throws(FileError) {
        var reader = ByteReader(bytes, path: path)
        let count = try reader.u32("the number of entries")
        guard count <= reader.remaining / 12 else {
            throw FileError(path, "is no importance matrix")
        }
        for _ in 0..<count {
            let length = Int(try reader.u32("the length of a name"))
            let name = String(decoding: try reader.take(length, "a name"), as: UTF8.self)
            let calls = Float(max(1, try reader.u32("the number of calls")))
            let columns = Int(try reader.u32("the number of values"))
            guard columns <= reader.remaining / 4 else {
                throw FileError(path, "ends inside the values of \(name.quoted)")
            }
            var sums: [Float] = []
            for _ in 0..<columns { sums.append(Float(bitPattern: try reader.u32("a value"))) }
            entries[name] = Entry(columns: columns, sums: sums, counts: [calls])
        }
        if reader.remaining >= 8 {
            chunkCount = Int(try reader.u32("the number of chunks"))
            let length = Int(try reader.u32("the length of a name"))
            datasets = [String(decoding: try reader.take(length, "a name"), as: UTF8.self)]
        }
    }

    /// Writes it as llama.cpp reads it.
    public func write(to path: String) throws(FileError) {
        var metadata = GGUFMetadata()
        metadata["general.type"] = .text("imatrix")
        metadata["imatrix.datasets"] = .texts(datasets)
        metadata["imatrix.chunk_count"] = .uint32(UInt32(clamping: chunkCount))
        metadata["imatrix.chunk_size"] = .uint32(UInt32(clamping: chunkSize))
        var list: [(tensor: GGUFTensor, values: [Float])] = []
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            for (ending, columns, values) in [
                ("in_sum2", entry.columns, entry.sums), ("counts", 1, entry.counts),
            ] {
                let tensor = try GGUFTensor(
                    name: "\(name).\(ending)", type: .f32, shape: [entry.counts.count, columns],
                    path: path)
                list.append((tensor, values))
            }
        }
        try writeGGUF(metadata, list.map(\.tensor), to: path) { place, write throws(FileError) in
            try write(Tensor(list[place].values, on: .cpu).bytes())
        }
    }
}
