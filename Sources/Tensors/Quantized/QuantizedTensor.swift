/// A matrix (rows, columns) stored in few bits: GGUF blocks, int8 rows, or int4 groups.
///
///     let w = QuantizedTensor(weight, as: .q4_K)     // weight (out, in)
///     let y = x.matmul(transposed: w)                // x (…, in) to (…, out)
public struct QuantizedTensor: Sendable {
    package let quantization: Quantization
    package let parts: [Tensor]
    public let rows: Int
    public let columns: Int

    package init(_ quantization: Quantization, parts: [Tensor], rows: Int, columns: Int) {
        (self.quantization, self.parts, self.rows, self.columns) = (
            quantization, parts, rows, columns
        )
    }

    /// In a GGUF block format; the columns must be a whole number of blocks.
    ///
    /// - Parameter importance: (columns), how much an error in each column matters, as the formats of 2 to 6 bits weigh
    ///   it: the mean square of what the column is multiplied with. For tensors on the CPU.
    public init(_ x: Tensor, as format: BlockFormat, importance: Tensor? = nil) {
        let (rows, columns) = QuantizedTensor.matrix(x, multipleOf: format.blockValues, "\(format)")
        let bytes = x.result([rows, columns / format.blockValues * format.blockBytes], .u8)
        if let importance {
            require(
                importance.shape == [columns] && importance.dtype == .f32 && x.device == .cpu
                    && importance.device == .cpu,
                "\(format): importance of shape \(importance.shape) for \(columns) columns, on the CPU"
            )
        }
        self.init(.blocks(format), x, importance: importance?.contiguous(), into: [bytes])
    }

    /// Blocks as they stand in a GGUF file.
    public init(
        bytes: [UInt8], as format: BlockFormat, rows: Int, columns: Int,
        on device: Device = .default
    ) {
        require(
            columns % format.blockValues == 0,
            "\(format): \(columns) columns are no whole number of blocks")
        let width = columns / format.blockValues * format.blockBytes
        let part = Tensor(bytes: bytes, shape: [rows, width], dtype: .u8, on: device)
        if part.count > 0 { part.backend.packBlocks(format, part, columns: columns) }
        self.init(.blocks(format), parts: [part], rows: rows, columns: columns)
    }

    /// Floats as they are, f32, f16 or bf16, in the order that products read fastest.
    public init(plain x: Tensor) {
        require(x.rank == 2 && x.dtype.isFloat, "plain: stores matrices, not \(x.shape) \(x.dtype)")
        let format: BlockFormat =
            switch x.dtype {
            case .f16: .f16
            case .bf16: .bf16
            default: .f32
            }
        let (rows, columns) = (x.shape[0], x.shape[1])
        let part = Tensor(
            storage: x.copied().storage, layout: Layout([rows, columns * x.dtype.size]), dtype: .u8)
        if part.count > 0 { part.backend.packBlocks(format, part, columns: columns) }
        self.init(.blocks(format), parts: [part], rows: rows, columns: columns)
    }

    /// Symmetric int8 with a scale a row: scale = max|x| / 127.
    public init(int8Rows x: Tensor) {
        let (rows, columns) = QuantizedTensor.matrix(x, multipleOf: 1, "int8")
        self.init(.int8Rows, x, into: [x.result([rows, columns], .i8), x.result([rows], .f32)])
    }

    /// Asymmetric 4-bit codes with a scale and a zero point (or a bias: the minimum) for each group along a row.
    public init(int4 x: Tensor, group: Int, zeroPoint: Bool) {
        require(group > 0 && group % 2 == 0, "int4: groups of \(group)")
        let (rows, columns) = QuantizedTensor.matrix(x, multipleOf: group, "int4")
        let groups = [rows, columns / group]
        let parts = [
            x.result([rows, columns / 2], .u8), x.result(groups, .f32), x.result(groups, .f32),
        ]
        self.init(.int4Groups(group, zeroPoint: zeroPoint), x, into: parts)
    }

    private init(
        _ quantization: Quantization, _ x: Tensor, importance: Tensor? = nil, into parts: [Tensor]
    ) {
        if x.count > 0 {
            x.backend.quantize(
                quantization, x.detached.contiguous(), importance: importance, into: parts)
        }
        self.init(quantization, parts: parts, rows: x.shape[0], columns: x.shape[1])
    }

    private static func matrix(_ x: Tensor, multipleOf block: Int, _ name: String) -> (Int, Int) {
        require(
            x.rank == 2 && x.dtype == .f32,
            "\(name): quantises f32 matrices, not \(x.shape) \(x.dtype)")
        require(
            x.shape[1] % block == 0, "\(name): \(x.shape[1]) columns are no multiple of \(block)")
        return (x.shape[0], x.shape[1])
    }

    public var device: Device { parts[0].device }

    /// The bytes that the matrix takes.
    public var byteCount: Int { parts.map { $0.count * $0.dtype.size }.reduce(0, +) }

    /// Blocks as they stand in a GGUF file (devices keep them in an order of their own).
    public func blocks() -> [UInt8] {
        guard case .blocks(let format) = quantization else {
            preconditionFailure("blocks: \(quantization) is no block format")
        }
        return byteCount == 0
            ? [] : parts[0].backend.unpackedBlocks(format, parts[0], columns: columns).bytes()
    }

    /// Whether it is int8 with a scale a row, which convolutions take.
    public var isInt8: Bool { quantization == .int8Rows }

    /// The values as f32 (rows, columns).
    public func dequantized() -> Tensor {
        let x = parts[0].result([rows, columns], .f32)
        if x.count > 0 { x.backend.dequantize(quantization, parts, into: x) }
        return x
    }
}

extension Tensor {
    /// x w^T + bias for a quantised weight: x (…, k), w (n, k) to (…, n).
    ///
    /// int8 rows also quantise x, row by row. Block formats round x to int8 blocks, bf16 to bf16 and f16 to whole numbers of 16
    /// bits, where that is the fast way, unless `exactly`.
    /// The gradient flows to x (through the dequantised weight) and to the bias.
    public func matmul(transposed w: QuantizedTensor, bias: Tensor? = nil, exactly: Bool = false)
        -> Tensor
    {
        require(
            rank >= 1 && shape[rank - 1] == w.columns && dtype.isFloat,
            "matmul: \(shape) \(dtype) does not fit a quantised weight of (\(w.rows), \(w.columns))"
        )
        _ = sharedBackend(self, w.parts[0], "matmul")
        let x = detached.cast(to: .f32).contiguous().flatRows
        let y = result([x.shape[0], w.rows], .f32)
        var call = QuantizedMatmul(
            quantization: w.quantization, x: x, xScale: nil, weight: w.parts,
            bias: bias?.detached.contiguous(), isExact: exactly)
        if w.quantization == .int8Rows && x.count > 0 {
            let q = QuantizedTensor(int8Rows: x)
            (call.x, call.xScale) = (q.parts[0], q.parts[1])
        }
        if y.count > 0 { backend.matmulQuantized(call, into: y) }
        let value = y.unflattened(like: self).cast(to: dtype)
        return value.recorded(from: [self] + (bias.map { [$0] } ?? [])) { [x = self] g in
            [x.isTracked ? g.cast(to: .f32).matmul(w.dequantized()).cast(to: x.dtype) : nil]
                + (bias == nil ? [] : [g.cast(to: .f32).reshaped([-1, w.rows]).sum(axes: [0])])
        }
    }

    /// 2-D convolution in int8: x (N, H, W, C) is quantised with a scale a sample; the weight's rows are output channels,
    /// its columns (KH, KW, C / groups).
    public func conv2d(
        _ weight: QuantizedTensor, kernel: Pair, bias: Tensor? = nil, stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1, groups: Int = 1
    ) -> Tensor {
        require(weight.quantization == .int8Rows, "conv2d: quantised weights are int8 rows")
        require(
            rank == 4 && groups > 0 && weight.columns == kernel.h * kernel.w * (shape[3] / groups),
            "conv2d: a quantised weight of (\(weight.rows), \(weight.columns)) does not fit \(shape)"
        )
        let codes = weight.parts[0].reshaped([weight.rows, kernel.h, kernel.w, shape[3] / groups])
        let x = detached.cast(to: .f32)
        let geometry = Convolution(
            x: x, weight: codes.shaped(like: x), stride, padding, dilation, groups)
        let sample = QuantizedTensor(
            int8Rows: x.contiguous().reshaped([shape[0], shape.dropFirst().reduce(1, *)]))
        let y = result([geometry.n, geometry.oh, geometry.ow, geometry.cout], .f32)
        let call = Int8Convolution(
            geometry: geometry, x: sample.parts[0].reshaped(shape), xScale: sample.parts[1],
            weight: codes,
            weightScale: weight.parts[1], bias: bias?.detached.contiguous())
        if y.count > 0 { backend.convolveInt8(call, into: y) }
        return y.cast(to: dtype)
    }

    /// A stand-in of this shape with another's type, for checks of geometry only.
    private func shaped(like x: Tensor) -> Tensor {
        Tensor.zeros([], dtype: x.dtype, on: x.device).expanded(to: shape)
    }
}
