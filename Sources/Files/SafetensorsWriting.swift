public import Tensors

/// Writes tensors to a safetensors file, whole or not at all.
public func writeSafetensors(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
) throws(FileError) {
    let list = tensors.map { ($0.name, $0.tensor.dtype, $0.tensor.shape) }
    try writeSafetensors(list, metadata: metadata, to: path) { place throws(FileError) in
        tensors[place].tensor
    }
}

/// As above, asking for one tensor after the other, so that no more than one needs to stand in memory.
public func writeSafetensors(
    _ list: [(name: String, dtype: DType, shape: [Int])], metadata: [String: String] = [:],
    to path: String, tensor: (_ place: Int) throws(FileError) -> Tensor
) throws(FileError) {
    let header = safetensorsHeader(list, metadata)
    try writeFile(path) { file throws(FileError) in
        try file.write((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) })
        try file.write(header)
        for (place, entry) in list.enumerated() {
            let tensor = try tensor(place)
            guard tensor.shape == entry.shape, tensor.dtype == entry.dtype else {
                throw FileError(
                    path,
                    "tensor \(entry.name.quoted) came as \(tensor.shape) \(tensor.dtype), "
                        + "not as \(entry.shape) \(entry.dtype)")
            }
            try file.write(tensor.bytes())
        }
    }
}

private func safetensorsHeader(
    _ list: [(name: String, dtype: DType, shape: [Int])], _ metadata: [String: String]
) -> [UInt8] {
    var members: [JSON.Member] = []
    if !metadata.isEmpty {
        let pairs = metadata.sorted { $0.key < $1.key }.map {
            JSON.Member(key: $0.key, value: .string($0.value))
        }
        members.append(.init(key: "__metadata__", value: .object(pairs)))
    }
    var end = 0
    for (name, dtype, shape) in list {
        let type = SafetensorsFile.types.first { $0.value == dtype }?.key ?? "F32"
        let start = end
        end += shape.reduce(1, *) * dtype.size
        let entry = [
            JSON.Member(key: "dtype", value: .string(type)),
            .init(key: "shape", value: .array(shape.map { .integer($0) })),
            .init(key: "data_offsets", value: .array([.integer(start), .integer(end)])),
        ]
        members.append(.init(key: name, value: .object(entry)))
    }
    let header = Array(JSON.object(members).text.utf8)
    return header + [UInt8](repeating: 32, count: (8 - header.count % 8) % 8)
}
