extension OpenCLBackend {
    package func quantize(
        _ q: Quantization, _ x: Tensor, importance: Tensor?, into parts: [Tensor]
    ) {
        let type: KernelOptions = [("X_TYPE", x.dtype.option)]
        switch q {
        case .blocks(let format) where format.plainType != nil:
            copy(x, into: plainValues(parts[0], format, x.shape))
        case .blocks(let format):
            let (blocks, cpu) = (x.count / format.blockValues, description.isCPU)
            let suffix = format.isSearched ? "_search" : ""
            launch(
                "quantized\(suffix)", "quantize\(suffix)",
                type + [("FORMAT", Int(format.rawValue)), ("VEC", cpu ? 16 : 4)],
                [.long(blocks), .tensor(x), .tensor(parts[0])], global: [blocks],
                local: [cpu ? 1 : 64])
        case .int8Rows:
            let group = rowGroup(x.shape[1])
            launch(
                "quantized", "quantize_int8_rows", type + group.options,
                [.long(x.shape[1]), .tensor(x), .tensor(parts[0]), .tensor(parts[1])],
                global: [x.shape[0] * group.size], local: [group.size])
        case .int4Groups(let length, let zeroPoint):
            let groups = x.count / length
            launch(
                "quantized", "quantize_int4_groups", type + [("ZERO_POINT", zeroPoint ? 1 : 0)],
                [.long(groups), .long(length), .tensor(x)] + parts.map { .tensor($0) },
                global: [groups], local: [1])
        }
    }

    package func uploadBlocks(
        _ format: BlockFormat, _ blocks: UnsafeRawBufferPointer, to part: Tensor, row: Int,
        columns: Int
    ) {
        upload(blocks, to: part.storage, at: row * part.shape[1])
    }

    /// Kernels read blocks in a file's order.
    package func packBlocks(_ format: BlockFormat, _ part: Tensor, columns: Int) {}
    package func unpackedBlocks(_ format: BlockFormat, _ part: Tensor, columns: Int) -> Tensor {
        part
    }

    package func dequantize(_ q: Quantization, _ parts: [Tensor], into x: Tensor) {
        let type: KernelOptions = [("X_TYPE", x.dtype.option)]
        switch q {
        case .blocks(let format) where format.plainType != nil:
            copy(plainValues(parts[0], format, x.shape), into: x)
        case .blocks(let format):
            launch(
                "quantized", "dequantize", type + [("FORMAT", Int(format.rawValue))],
                [.long(x.count / 16), .tensor(parts[0]), .tensor(x)],
                global: [x.count / 16], local: [1])
        case .int8Rows:
            let scale = parts[1].expandingAxis(1).expanded(to: x.shape)
            let codes = parts[0].cast(to: .f32)
            binary(.mul, codes, scale, into: x)
        case .int4Groups(let length, let zeroPoint):
            launch(
                "quantized", "dequantize_int4_groups", type + [("ZERO_POINT", zeroPoint ? 1 : 0)],
                [.long(x.count / 2), .long(length)] + parts.map { .tensor($0) } + [.tensor(x)],
                global: [x.count / 2], local: [min(64, x.count / 2)])
        }
    }

    package func dequantizeRows(
        _ format: BlockFormat, _ w: QuantizedTensor, _ index: Tensor, into x: Tensor
    ) {
        dequantize(w.quantization, w.parts.map { $0.selecting(index) }, into: x)
    }

    package func matmulQuantized(_ call: QuantizedMatmul, into y: Tensor) {
        let (m, n, k) = (y.shape[0], y.shape[1], call.x.shape[1])
        switch call.quantization {
        case .blocks(let format) where format.plainType == nil:
            matmulBlocks(call, format, m, n, k, into: y)
        case .int8Rows: matmulInt8(call, m, n, k, into: y)
        case .int4Groups, .blocks:
            // Unpacked on the device, then an f32 product.
            let weight = scratch([n, k])
            dequantize(call.quantization, call.weight, into: weight)
            var product = Matmul(a: call.x, b: weight.transposed(), result: y)
            product.bias = call.bias
            matmul(product)
        }
    }

    package func products(_ call: QuantizedProducts, into results: [Tensor]) {
        for (i, w) in call.weights.enumerated() {
            let single = QuantizedMatmul(
                quantization: w.quantization, x: call.x, xScale: nil, weight: w.parts,
                bias: call.biases[i], isExact: false)
            guard i == 1, call.gate != .none else {
                matmulQuantized(single, into: results[i])
                continue
            }
            let second = scratch([call.x.shape[0], w.rows])
            matmulQuantized(single, into: second)
            binary(.mul, results[0].activated(call.gate), second, into: results[0])
        }
        if let residual = call.residual { binary(.add, results[0], residual, into: results[0]) }
    }

    /// Bytes of (rows, columns) plain floats as their own type.
    private func plainValues(_ part: Tensor, _ format: BlockFormat, _ shape: [Int]) -> Tensor {
        Tensor(storage: part.storage, layout: Layout(shape), dtype: format.plainType ?? .f32)
    }

    private func matmulBlocks(
        _ call: QuantizedMatmul, _ format: BlockFormat, _ m: Int, _ n: Int, _ k: Int, into y: Tensor
    ) {
        let options: KernelOptions = [
            ("FORMAT", Int(format.rawValue)), ("X_TYPE", call.x.dtype.option),
        ]
        let arguments: [KernelArgument] = [
            .long(m), .long(n), .long(k), .tensor(call.x), .tensor(call.weight[0]),
            .optional(call.bias), .tensor(y),
        ]
        if m <= 8 {
            let rows = [1, 2, 4, 8].first { m <= $0 } ?? 8
            let group = description.isCPU ? 1 : 64
            launch(
                "quantized", "quantized_matmul_few_rows", options + [("M", rows), ("WG", group)],
                arguments, global: [group * n], local: [group])
            return
        }
        let tile =
            description.isCPU
            ? ProductTile(mwg: 96, nwg: 32, kwg: 64, mdim: 1, ndim: 1, vec: 16)
            : ProductTile(mwg: 64, nwg: 64, kwg: 32, mdim: 16, ndim: 16, vec: 4)
        launch(
            "quantized", "quantized_matmul",
            options + tile.options + (description.isCPU ? [("RI", 12)] : []), arguments,
            global: tile.global(rows: m, columns: n, batch: 1), local: tile.local)
    }

    private func matmulInt8(
        _ call: QuantizedMatmul, _ m: Int, _ n: Int, _ k: Int, into y: Tensor
    ) {
        let tile =
            description.isCPU
            ? ProductTile(mwg: 12, nwg: 32, kwg: 64, mdim: 1, ndim: 1, vec: 16)
            : ProductTile(mwg: 64, nwg: 64, kwg: 64, mdim: 16, ndim: 16, vec: 4)
        launch(
            "quantized", "int8_matmul", tile.options,
            [
                .long(m), .long(n), .long(k), .tensor(call.x), .optional(call.xScale),
                .tensor(call.weight[0]), .tensor(call.weight[1]), .optional(call.bias), .tensor(y),
            ],
            global: tile.global(rows: m, columns: n, batch: 1), local: tile.local)
    }

    package func convolveInt8(_ call: Int8Convolution, into y: Tensor) {
        let c = call.geometry
        launch(
            "quantized", "int8_conv2d", [],
            [
                .lengths(c.lengths), .tensor(call.x), .tensor(call.xScale), .tensor(call.weight),
                .tensor(call.weightScale), .optional(call.bias), .tensor(y),
            ],
            global: [c.cout, roundedUp(c.ow, 4), c.n * c.oh], local: [min(64, c.cout), 1, 1])
    }
}

extension BlockFormat {
    /// Quantised by a search for the best scales, not by rounding alone.
    fileprivate var isSearched: Bool {
        switch self {
        case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1: false
        default: true
        }
    }
}
