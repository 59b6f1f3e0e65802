import Files
import Tensors

/// Runs a case of the folder `gguf/blocks`: a storage type's values from bytes, and its bytes from values.
func runBlock(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    guard let id = test.entry["type_id"]?.int else { return .failed("the entry has no type_id") }
    let file = try test.tensors()
    let format = BlockFormat(rawValue: Int32(id))
    let plain: DType? = id == 1 ? .f16 : id == 30 ? .bf16 : nil
    guard format != nil || plain != nil else {
        return .failed("unknown op: storage type \(test.name)")
    }
    for part in ["random", "quantised"] {
        let (raw, values) = (
            try file.tensor("\(part).raw", on: .cpu), try file.tensor("\(part).values", on: .cpu)
        )
        let decoded = decode(raw, values.shape, format, plain, device)
        if let problem = rowDifference(decoded, values, test) {
            return .failed("\(part).values: \(problem)")
        }
    }
    return try checkEncoding(test, file, format, plain, device)
}

private func decode(
    _ raw: Tensor, _ shape: [Int], _ format: BlockFormat?, _ plain: DType?, _ device: Device
) -> Tensor {
    let (rows, columns) = (shape.dropLast().reduce(1, *), shape.last ?? 1)
    if let plain {
        return Tensor(bytes: raw.bytes(), shape: shape, dtype: plain, on: device).cast(to: .f32)
    }
    guard let format else { return raw }
    return QuantizedTensor(bytes: raw.bytes(), as: format, rows: rows, columns: columns, on: device)
        .dequantized().reshaped(shape)
}

private func checkEncoding(
    _ test: ConformanceCase, _ file: SafetensorsFile, _ format: BlockFormat?, _ plain: DType?,
    _ device: Device
) throws -> Verdict {
    let source = try file.tensor("quantised.source", on: device)
    let expected = try file.tensor("quantised.raw", on: .cpu).bytes()
    let matrix = source.reshaped([-1, source.shape[source.rank - 1]])
    let bytes: [UInt8]
    let decoded: Tensor
    if let plain {
        (bytes, decoded) = (source.cast(to: plain).bytes(), source.cast(to: plain).cast(to: .f32))
    } else if let format {
        let q = QuantizedTensor(matrix, as: format)
        (bytes, decoded) = (q.blocks(), q.dequantized())
    } else {
        return .failed("no format")
    }
    if test.entry["quantise"]?.string == "same bytes" {
        let same = bytes == expected
        let first = zip(bytes, expected).enumerated().first { $1.0 != $1.1 }?.offset
        return same
            ? .passed
            : .failed(
                "quantised.raw: \(bytes.count) bytes, the first that differs is \(first ?? -1)")
    }
    let limits = test.entry["row_rms_error"]?.array?.compactMap(\.double) ?? []
    let errors = (decoded.reshaped(matrix.shape) - matrix).squared().mean(axes: [1])
    for (row, (error, limit)) in zip(sqrt(errors).scalars(), limits).enumerated()
    where !(Double(error) <= limit * 1.001 + 1e-9) {
        return .failed("row \(row): an error of \(error), the reference has \(limit)")
    }
    return .passed
}

/// Within rtol and a fraction of the row's largest magnitude.
private func rowDifference(_ actual: Tensor, _ expected: Tensor, _ test: ConformanceCase) -> String?
{
    let columns = expected.shape.last ?? 1
    let tolerance = test.entry["tolerance"]
    let (rtol, fraction) = (
        tolerance?["rtol"]?.double ?? 0, tolerance?["atol_per_row_maximum"]?.double ?? 0
    )
    let (a, e) = (actual.scalars(), expected.scalars())
    guard a.count == e.count else { return "\(a.count) values, expected \(e.count)" }
    for start in stride(from: 0, to: e.count, by: columns) {
        let row = start..<start + columns
        let largest = row.map { Double(e[$0].magnitude) }.max() ?? 0
        for i in row {
            let (x, y) = (Double(a[i]), Double(e[i]))
            if x == y || (x.isNaN && y.isNaN) { continue }
            if !((x - y).magnitude <= fraction * largest + rtol * y.magnitude) {
                return "element \(i) is \(x), expected \(y)"
            }
        }
    }
    return nil
}
