public import Tensors

extension GGUFFile {
    /// A tensor's values: f32, f16, bf16, i32 and i8 as they are; f64 and blocks as f32; i16 and i64 as i32.
    public func tensor(_ name: String, on device: Device = .default) throws(FileError) -> Tensor {
        let entry = try known(name)
        if let dtype = entry.type.dtype {
            return try file.tensor(entry.range, entry.shape, dtype, on: device)
        }
        if let type = entry.type.elementType {
            return try file.tensor(entry.range, entry.shape, type, on: device)
        }
        return try quantized(name, on: device).dequantized().reshaped(entry.shape)
    }

    /// A matrix (rows, columns) in a block format or of plain floats, packed for the device straight from the file. Dimensions before the last
    /// count as rows, or `part` picks one along the first of three: an expert's matrix.
    public func quantized(_ name: String, part: Int? = nil, on device: Device = .default)
        throws(FileError) -> QuantizedTensor
    {
        let entry = try known(name)
        guard let format = entry.type.storedFormat else {
            throw FileError(
                path,
                "tensor \(name.quoted) is of type \(entry.type.name), "
                    + (entry.type.block.values > 1 ? "which is not supported" : "not of floats"))
        }
        let columns = entry.shape.last ?? 1
        var (shape, range) = (entry.shape.dropLast(), entry.range)
        if let part {
            guard let parts = shape.popFirst(), shape.count == 1, part >= 0, part < parts else {
                throw FileError(path, "tensor \(name.quoted): there is no part \(part) of it")
            }
            let bytes = entry.byteCount / parts
            range = range.lowerBound + part * bytes..<range.lowerBound + (part + 1) * bytes
        }
        return try file.blocks(
            range, format, rows: shape.reduce(1, *), columns: columns, on: device)
    }
}

extension FileMapping {
    /// How many bytes are copied at a time: enough for every thread, and little beside a model.
    private static let step = 1 << 24

    /// Numbers as they stand in the file.
    func tensor(_ range: Range<Int>, _ shape: [Int], _ dtype: DType, on device: Device)
        throws(FileError) -> Tensor
    {
        let tensor = Tensor(uninitialized: shape, dtype: dtype, on: device)
        try walk(range, by: FileMapping.step) { tensor.fill($1, at: $0) }
        return tensor
    }

    /// Blocks as they stand in the file, which the CPU leaves there at first. Sixteen rows lie interleaved on some devices:
    /// a part is a multiple of that.
    func blocks(
        _ range: Range<Int>, _ format: BlockFormat, rows: Int, columns: Int, on device: Device
    ) throws(FileError) -> QuantizedTensor {
        let rowBytes = columns / format.blockValues * format.blockBytes
        if device == .cpu && rows > 0 && rowBytes > 0 && isMapped {
            try keepReading(range)
            return withBytes(range) { bytes in
                QuantizedTensor(stored: bytes, as: format, rows: rows, columns: columns) {
                    self.letGo(range.lowerBound + $0.lowerBound..<range.lowerBound + $0.upperBound)
                }
            }
        }
        let w = QuantizedTensor(uninitialized: format, rows: rows, columns: columns, on: device)
        guard rows > 0, rowBytes > 0 else { return w }
        let step = max(1, FileMapping.step / (16 * rowBytes)) * 16 * rowBytes
        try walk(range, by: step) { w.fill($1, fromRow: $0 / rowBytes) }
        return w
    }

    /// Numbers of types that tensors do not have: f64 as f32, wider integers as i32 if they fit.
    func tensor(_ range: Range<Int>, _ shape: [Int], _ type: ElementType, on device: Device)
        throws(FileError) -> Tensor
    {
        try type.tensor(bytes(range)[...], shape, isBigEndian: false, path, device)
    }
}

extension GGUFFile {
    /// A tensor's bytes as they stand in the file, in parts.
    public func copy(_ name: String, to write: ([UInt8]) throws(FileError) -> Void)
        throws(FileError)
    {
        try file.walk(known(name).range, by: 1 << 24) { _, bytes throws(FileError) in
            try write(Array(bytes))
        }
    }

    /// Some rows of a tensor as f32 (rows, columns); dimensions before the last count as rows.
    public func matrix(_ name: String, rows: Range<Int>, on device: Device = .default)
        throws(FileError) -> Tensor
    {
        let entry = try known(name)
        let columns = entry.shape.last ?? 1
        let rowBytes = columns / entry.type.block.values * entry.type.block.bytes
        let all = entry.shape.dropLast().reduce(1, *)
        guard rows.lowerBound >= 0, rows.upperBound <= all else {
            throw FileError(path, "tensor \(name.quoted) has \(all) rows, not the rows \(rows)")
        }
        let first = entry.offset + rows.lowerBound * rowBytes
        let range = first..<first + rows.count * rowBytes
        let shape = [rows.count, columns]
        if let dtype = entry.type.dtype {
            return try file.tensor(range, shape, dtype, on: device).cast(to: .f32)
        }
        if let type = entry.type.elementType {
            return try file.tensor(range, shape, type, on: device).cast(to: .f32)
        }
        guard let format = entry.type.blockFormat else {
            throw FileError(
                path, "tensor \(name.quoted) is of type \(entry.type.name), which is not supported")
        }
        return try file.blocks(range, format, rows: rows.count, columns: columns, on: device)
            .dequantized()
    }
}
