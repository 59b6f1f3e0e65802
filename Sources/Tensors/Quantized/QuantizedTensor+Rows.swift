extension QuantizedTensor {
    /// Some rows by number, i32 (n), as f32 (n, columns).
    public func dequantizedRows(_ index: Tensor) -> Tensor {
        if case .blocks = quantization, device == .cpu { return rowsOfPanels(index) }
        let chosen = parts.map { $0.selecting(index) }
        return QuantizedTensor(quantization, parts: chosen, rows: index.count, columns: columns)
            .dequantized()
    }

    /// The CPU keeps blocks in panels of 16 rows: the panel of each row is unpacked.
    private func rowsOfPanels(_ index: Tensor) -> Tensor {
        let numbers = index.scalars(as: Int32.self).map { Int($0) }
        require(
            numbers.allSatisfy { $0 >= 0 && $0 < rows },
            "dequantizedRows: a row that is not in 0 ..< \(rows)")
        guard !numbers.isEmpty else { return parts[0].result([0, columns], .f32) }
        return Tensor.stacked(
            numbers.map { row in
                let first = row - row % 16
                let count = Swift.min(16, rows - first)
                let panel = parts[0].narrowed(0, start: first, count: count)
                return QuantizedTensor(quantization, parts: [panel], rows: count, columns: columns)
                    .dequantized()[row - first]
            })
    }

    /// The parts as files keep them, whatever order the device prefers.
    package var storedParts: [Tensor] {
        guard case .blocks(let format) = quantization, byteCount > 0 else { return parts }
        return [parts[0].backend.unpackedBlocks(format, parts[0], columns: columns)]
    }

    /// From parts as files keep them.
    package init(_ quantization: Quantization, storedParts: [Tensor], rows: Int, columns: Int) {
        var parts = storedParts
        if case .blocks(let format) = quantization, rows > 0, columns > 0 {
            parts = [storedParts[0].copied()]
            parts[0].backend.packBlocks(format, parts[0], columns: columns)
        }
        self.init(quantization, parts: parts, rows: rows, columns: columns)
    }
}
