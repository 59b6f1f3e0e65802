import Files
import Tensors

/// Keys or values of a layer: (slots, K, capacity, D) in the cache's format.
struct CacheTensor: Sendable {
    /// Channels that share a scale in q8_0.
    static let group = 32

    /// Numbers, or codes of q8_0.
    private var values: Tensor
    /// (slots, K, capacity, D / 32) f16, of q8_0 only.
    private var scales: Tensor?

    init(_ shape: [Int], _ format: CacheFormat, on device: Device) {
        switch format {
        case .f32: values = .zeros(shape, on: device)
        case .f16: values = .zeros(shape, dtype: .f16, on: device)
        case .q8_0:
            values = .zeros(shape, dtype: .i8, on: device)
            scales = .zeros(
                shape.dropLast() + [shape[3] / CacheTensor.group], dtype: .f16, on: device)
        }
    }

    var byteCount: Int {
        values.count * values.dtype.size + (scales.map { $0.count * $0.dtype.size } ?? 0)
    }

    /// x (1, K, T, D) as the tokens of a slot from `position` on.
    mutating func write(_ x: Tensor, _ slot: Int, at position: Int) {
        let place = [slot, 0, position, 0]
        guard scales != nil else { return values.write(x, at: place) }
        let groups = QuantizedTensor(
            int8Rows: x.cast(to: .f32).contiguous().reshaped([-1, CacheTensor.group]))
        let perHead = x.shape.dropLast() + [x.shape[3] / CacheTensor.group]
        values.write(groups.parts[0].reshaped(x.shape), at: place)
        scales?.write(groups.parts[1].reshaped(Array(perHead)), at: place)
    }

    /// Tokens of a slot as f32: (1, K, T, D).
    func read(_ slot: Int, _ tokens: Range<Int>) -> Tensor {
        let x = part(values, slot, tokens).cast(to: .f32)
        guard let scales else { return x }
        let grouped = x.shape.dropLast() + [x.shape[3] / CacheTensor.group, CacheTensor.group]
        let factors = part(scales, slot, tokens).cast(to: .f32).expandingAxis(-1)
        return (x.reshaped(Array(grouped)) * factors).reshaped(x.shape)
    }

    mutating func copy(_ source: Int, to target: Int, _ count: Int) {
        let place = [target, 0, 0, 0]
        values.write(part(values, source, 0..<count).copied(), at: place)
        if let own = scales {
            let rows = part(own, source, 0..<count).copied()
            scales?.write(rows, at: place)
        }
    }

    private func part(_ x: Tensor, _ slot: Int, _ tokens: Range<Int>) -> Tensor {
        x.narrowed(0, start: slot, count: 1)
            .narrowed(2, start: tokens.lowerBound, count: tokens.count)
    }

    /// A slot's tokens as files keep them, with what is added to the name.
    func parts(_ slot: Int, _ count: Int) -> [(String, Tensor)] {
        [("", part(values, slot, 0..<count).contiguous())]
            + (scales.map { [(".scales", part($0, slot, 0..<count).contiguous())] } ?? [])
    }

    mutating func restore(_ slot: Int, _ count: Int, _ name: String, _ file: SafetensorsFile)
        throws(FileError)
    {
        values.write(
            try CacheTensor.stored(name, like: values, count, file), at: [slot, 0, 0, 0])
        if let own = scales {
            let found = try CacheTensor.stored("\(name).scales", like: own, count, file)
            scales?.write(found, at: [slot, 0, 0, 0])
        }
    }

    private static func stored(
        _ name: String, like x: Tensor, _ count: Int, _ file: SafetensorsFile
    ) throws(FileError) -> Tensor {
        let found = try file.tensor(name, on: x.device)
        let expected = [1, x.shape[1], count, x.shape[3]]
        guard found.shape == expected, found.dtype == x.dtype else {
            throw FileError(
                file.path,
                "\(name) is \(found.shape) \(found.dtype), the cache has \(expected) \(x.dtype)")
        }
        return found
    }
}
