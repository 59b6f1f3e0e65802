extension QuantizedTensor {
    /// Some rows by number, i32 (n), as f32 (n, columns).
    public func dequantizedRows(_ index: Tensor) -> Tensor {
        if case .blocks(let format) = quantization {
            let x = parts[0].result([index.count, columns], .f32)
            if x.count > 0 { parts[0].backend.dequantizeRows(format, self, index, into: x) }
            return x
        }
        let chosen = parts.map { $0.selecting(index) }
        return QuantizedTensor(quantization, parts: chosen, rows: index.count, columns: columns)
            .dequantized()
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
