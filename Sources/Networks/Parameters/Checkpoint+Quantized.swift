import Tensors

extension Checkpoint {
    /// A parameter's value as the file has it: dense, or in few bits.
    func weight(_ name: String, _ shape: [Int], _ role: ParameterRole, on device: Device)
        throws(ParameterProblem) -> Weight
    {
        guard let parts = quantizedParts[name] else {
            if let whole = try whole(name, shape, role, on: device) { return .quantized(whole) }
            return .dense(try value(name, shape, role, on: device))
        }
        let rows = shape.first ?? 1
        let columns = shape.dropFirst().reduce(1, *)
        let format = parts[0].split(separator: "/").dropFirst().first.map(String.init) ?? ""
        guard let format = WeightFormat(format), format.fits(columns) else {
            throw .unreadable(name, "is stored as \(format), which does not fit \(shape)")
        }
        var tensors: [Tensor] = []
        for part in parts.sorted() {
            do {
                if let tensor = try fetch(part) { tensors.append(tensor.to(device)) }
            } catch { throw .unreadable(part, "\(error)") }
        }
        let expected = format.partShapes(rows, columns)
        guard tensors.map(\.shape) == expected else {
            throw .unreadable(
                name, "its parts have the shapes \(tensors.map(\.shape)), not \(expected)")
        }
        return .quantized(
            QuantizedTensor(
                format.quantization, storedParts: tensors, rows: rows, columns: columns))
    }
}

extension Checkpoint {
    /// A matrix that is stored in few bits, for a parameter that may be.
    private func whole(_ name: String, _ shape: [Int], _ role: ParameterRole, on device: Device)
        throws(ParameterProblem) -> QuantizedTensor?
    {
        guard role == .matrix || role == .table, shape.count == 2 else { return nil }
        let found: QuantizedTensor?
        do { found = try fetchQuantized(name, device) } catch {
            throw .unreadable(name, "\(error)")
        }
        guard let found else { return nil }
        let own = [found.rows, found.columns]
        guard own == shape else { throw .misshapen(name, own, shape) }
        return found
    }
}

extension WeightFormat {
    var quantization: Quantization {
        switch self {
        case .int8: .int8Rows
        case .int4(let group): .int4Groups(group, zeroPoint: true)
        case .blocks(let format): .blocks(format)
        }
    }

    /// The tensors that hold a matrix in this format.
    func partShapes(_ rows: Int, _ columns: Int) -> [[Int]] {
        switch self {
        case .int8: [[rows, columns], [rows]]
        case .int4(let group):
            [[rows, columns / 2], [rows, columns / group], [rows, columns / group]]
        case .blocks(let format):
            [[rows, columns / format.blockValues * format.blockBytes]]
        }
    }
}

extension QuantizedTensor {
    var format: WeightFormat {
        switch quantization {
        case .int8Rows: .int8
        case .int4Groups(let group, _): .int4(group: group)
        case .blocks(let format): .blocks(format)
        }
    }
}
