package import Tensors

extension GGUFFile {
    /// Writes this model with its matrices in other types; all else stays as it is.
    ///
    /// - Parameters:
    ///   - importance: how much errors matter, for the types that weigh them.
    ///   - progress: told how many bytes of this file are done.
    public func write(
        as mixture: GGUFMixture, importance: ImportanceMatrix? = nil, to path: String,
        progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) throws(FileError) {
        let choice = GGUFTypeChoice(self, mixture, hasImportance: importance != nil)
        var targets: [GGUFTensor] = []
        for tensor in tensors {
            targets.append(
                try GGUFTensor(
                    name: tensor.name, type: choice.type(of: tensor) ?? tensor.type,
                    shape: tensor.shape, path: path))
        }
        let all = tensors.reduce(0) { $0 + $1.byteCount }
        var done = 0
        try writeGGUF(metadata(for: mixture, importance), targets, to: path) {
            place, write throws(FileError) in
            let (tensor, target) = (tensors[place], targets[place])
            if tensor.type == target.type {
                try copy(tensor.name, to: write)
            } else {
                try convert(tensor, to: target.type, importance) { bytes throws(FileError) in
                    try write(bytes)
                    progress(done + tensor.byteCount / 2, all)
                }
            }
            done += tensor.byteCount
            progress(done, all)
        }
    }

    private func metadata(for mixture: GGUFMixture, _ importance: ImportanceMatrix?) -> GGUFMetadata
    {
        var metadata = metadata
        for key in metadata.keys where key.hasPrefix("split.") { metadata[key] = nil }
        metadata["general.quantization_version"] = .uint32(2)
        metadata["general.file_type"] = .uint32(mixture.fileType)
        if let importance {
            if let name = importance.datasets.first {
                metadata["quantize.imatrix.dataset"] = .text(name)
            }
            metadata["quantize.imatrix.entries_count"] = .uint32(
                UInt32(clamping: importance.entries.count))
            metadata["quantize.imatrix.chunks_count"] = .uint32(
                UInt32(clamping: importance.chunkCount))
        }
        return metadata
    }

    /// How many values are converted at a time.
    private static let valuesAtOnce = 1 << 22

    private func convert(
        _ tensor: GGUFTensor, to type: GGUFType, _ importance: ImportanceMatrix?,
        _ write: ([UInt8]) throws(FileError) -> Void
    ) throws(FileError) {
        let columns = tensor.shape.last ?? 1
        let rows = tensor.shape.dropLast().last ?? 1
        let matrices = tensor.shape.dropLast(2).reduce(1, *)
        let step = max(1, GGUFFile.valuesAtOnce / max(1, columns))
        for part in 0..<matrices {
            let weights = importance?.importance(of: tensor.name, part: part, columns: columns)
            for first in stride(from: 0, to: rows, by: step) {
                let range = part * rows + first..<part * rows + min(rows, first + step)
                let x = try matrix(tensor.name, rows: range, on: .cpu)
                try write(x.bytes(as: type, importance: weights))
            }
        }
    }
}

extension Tensor {
    /// f32 (rows, columns) in another type, as files have it.
    package func bytes(as type: GGUFType, importance: Tensor? = nil) -> [UInt8] {
        if let format = type.blockFormat {
            return QuantizedTensor(self, as: format, importance: importance).blocks()
        }
        return cast(to: type.dtype ?? .f32).bytes()
    }
}
