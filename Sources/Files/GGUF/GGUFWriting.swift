/// Writes a GGUF file, whole or not at all.
///
/// The body is called for each tensor in turn, with where it stands in the list, and writes its bytes; in parts, so
/// that no more than one needs to stand in memory.
public func writeGGUF(
    _ metadata: GGUFMetadata, _ tensors: [GGUFTensor], to path: String,
    content: (_ place: Int, _ write: ([UInt8]) throws(FileError) -> Void) throws(FileError) -> Void
) throws(FileError) {
    var alignment = 32
    if case .uint32(let value) = metadata["general.alignment"] {
        guard value.nonzeroBitCount == 1, value < 1 << 20 else {
            throw FileError(path, "general.alignment is \(value), no small power of two")
        }
        alignment = Int(value)
    }
    guard Set(tensors.map(\.name)).count == tensors.count else {
        throw FileError(path, "two tensors would have the same name")
    }
    let head = ggufHead(metadata, tensors, alignment)
    try writeFile(path) { file throws(FileError) in
        try file.write(head)
        for (place, tensor) in tensors.enumerated() {
            var written = 0
            try content(place) { bytes throws(FileError) in
                try file.write(bytes)
                written += bytes.count
            }
            guard written == tensor.byteCount else {
                throw FileError(
                    path,
                    "tensor \(tensor.name.quoted) came in \(written) bytes, not \(tensor.byteCount)"
                )
            }
            try file.write(padding(written, alignment))
        }
    }
}

private func padding(_ count: Int, _ alignment: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: (alignment - count % alignment) % alignment)
}

/// Everything before the data.
private func ggufHead(_ metadata: GGUFMetadata, _ tensors: [GGUFTensor], _ alignment: Int)
    -> [UInt8]
{
    var head = Array("GGUF".utf8)
    head.append(number: UInt32(3))
    head.append(number: UInt64(tensors.count))
    head.append(number: UInt64(metadata.keys.count))
    for key in metadata.keys {
        guard let value = metadata[key] else { continue }
        head.append(text: Array(key.utf8))
        head.append(number: value.type.rawValue)
        value.append(to: &head)
    }
    var end = 0
    for tensor in tensors {
        head.append(text: Array(tensor.name.utf8))
        head.append(number: UInt32(tensor.shape.count))
        for length in tensor.shape.reversed() { head.append(number: UInt64(length)) }
        head.append(number: tensor.type.rawValue)
        head.append(number: UInt64(end))
        end += tensor.byteCount + padding(tensor.byteCount, alignment).count
    }
    return head + padding(head.count, alignment)
}

extension GGUFValue {
    fileprivate func append(to bytes: inout [UInt8]) {
        switch self {
        case .uint8(let value): bytes.append(value)
        case .int8(let value): bytes.append(number: value)
        case .uint16(let value): bytes.append(number: value)
        case .int16(let value): bytes.append(number: value)
        case .uint32(let value): bytes.append(number: value)
        case .int32(let value): bytes.append(number: value)
        case .uint64(let value): bytes.append(number: value)
        case .int64(let value): bytes.append(number: value)
        case .float32(let value): bytes.append(number: value.bitPattern)
        case .float64(let value): bytes.append(number: value.bitPattern)
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .string(let text): bytes.append(text: text)
        case .array(let type, let items):
            bytes.append(number: type.rawValue)
            bytes.append(number: UInt64(items.count))
            for item in items { item.append(to: &bytes) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append<T: FixedWidthInteger>(number: T) {
        for shift in stride(from: 0, to: T.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: number >> T(shift)))
        }
    }

    fileprivate mutating func append(text: [UInt8]) {
        append(number: UInt64(text.count))
        append(contentsOf: text)
    }
}
