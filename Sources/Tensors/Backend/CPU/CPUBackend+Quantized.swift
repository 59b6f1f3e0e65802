import CApus

extension CPUBackend {
    package func quantize(
        _ q: Quantization, _ x: Tensor, importance: Tensor?, into parts: [Tensor]
    ) {
        let (rows, columns) = (Int64(x.shape[0]), Int64(x.shape[1]))
        switch q {
        case .blocks(let format):
            apus_quantize(
                format.c, rows, columns, x.pointer(), importance?.pointer(), parts[0].address)
            packBlocks(format, parts[0], columns: x.shape[1])
        case .int8Rows:
            apus_quantize_int8_rows(
                rows, columns, x.pointer(), parts[0].pointer(), parts[1].pointer())
        case .int4Groups(let group, let zeroPoint):
            apus_quantize_int4_groups(
                rows, columns, Int64(group), zeroPoint, x.pointer(),
                parts[0].pointer(), parts[1].pointer(), parts[2].pointer())
        }
    }

    package func uploadBlocks(
        _ format: BlockFormat, _ blocks: UnsafeRawBufferPointer, to part: Tensor, row: Int,
        columns: Int
    ) {
        let width = part.shape[1]
        apus_pack_blocks(
            format.c, Int64(blocks.count / width), Int64(columns), blocks.baseAddress,
            part.address + row * width)
    }

    package func packBlocks(_ format: BlockFormat, _ part: Tensor, columns: Int) {
        let rows = Int64(part.shape[0])
        apus_pack_blocks(format.c, rows, Int64(columns), part.address, part.address)
    }

    package func unpackedBlocks(_ format: BlockFormat, _ part: Tensor, columns: Int) -> Tensor {
        let blocks = part.result(part.shape, .u8)
        if let stored = part.storage.stored {
            blocks.address.copyMemory(from: part.address, byteCount: stored.byteCount)
            return blocks
        }
        let rows = Int64(part.shape[0])
        apus_unpack_blocks(format.c, rows, Int64(columns), part.address, blocks.address)
        return blocks
    }

    package func dequantize(_ q: Quantization, _ parts: [Tensor], into x: Tensor) {
        let (rows, columns) = (Int64(x.shape[0]), Int64(x.shape[1]))
        switch q {
        case .blocks(let format):
            apus_dequantize(format.c, rows, columns, parts[0].blocks, x.pointer())
        case .int8Rows:
            binary(
                .mul, parts[0],
                parts[1].view(parts[1].layout.insertingAxis(1).expanded(to: x.shape) ?? x.layout),
                into: x)
        case .int4Groups(let group, let zeroPoint):
            apus_dequantize_int4_groups(
                rows, columns, Int64(group), zeroPoint,
                parts[0].pointer(), parts[1].pointer(), parts[2].pointer(), x.pointer())
        }
    }

    package func dequantizeRows(
        _ format: BlockFormat, _ w: QuantizedTensor, _ index: Tensor, into x: Tensor
    ) {
        let index = index.contiguous()
        let range = indexRange(index) ?? 0...0
        require(
            range.lowerBound >= 0 && range.upperBound < w.rows,
            "dequantizedRows: a row that is not in 0 ..< \(w.rows)")
        withExtendedLifetime(index) {
            apus_dequantize_rows(
                format.c, Int64(w.rows), Int64(w.columns), w.parts[0].blocks, Int64(index.count),
                index.pointer(), x.pointer())
        }
    }

    package func matmulQuantized(_ call: QuantizedMatmul, into y: Tensor) {
        let (m, n, k) = (Int64(y.shape[0]), Int64(y.shape[1]), Int64(call.x.shape[1]))
        let w = call.weight
        switch call.quantization {
        case .blocks(let format):
            if !call.isExact || format == .f32 {
                var product = apus_product(format, n, w[0], bias: call.bias)
                (product.y, product.y_row) = (y.pointer(), n)
                using(w) { apus_products(m, k, call.x.pointer(), k, 1, &product, .init(0)) }
                return
            }
            // Nobody is in a hurry here.
            w[0].storage.stored?.packAll(on: self)
            apus_matmul_quantized(
                format.c, m, n, k, call.x.pointer(), k, w[0].blocks.packed, call.bias?.pointer(),
                true, y.pointer(), n)
        case .int8Rows:
            apus_matmul_int8(
                m, n, k, call.x.pointer(), call.xScale?.pointer(), w[0].pointer(), w[1].pointer(),
                call.bias?.pointer(), y.pointer())
        case .int4Groups(let group, let zeroPoint):
            apus_matmul_int4_groups(
                m, n, k, Int64(group), zeroPoint, call.x.pointer(),
                w[0].pointer(), w[1].pointer(), w[2].pointer(), y.pointer())
            if let bias = call.bias { binary(.add, y, bias.expanded(to: y.shape), into: y) }
        }
    }
}

extension CPUBackend {
    package func products(_ call: QuantizedProducts, into results: [Tensor]) {
        let columns = Int64(call.x.shape[1])
        var products = zip(call.weights, call.biases).map { w, bias in
            guard case .blocks(let format) = w.quantization else {
                mistake("products: \(w.quantization) is no block format")
            }
            return apus_product(format, Int64(w.rows), w.parts[0], bias: bias)
        }
        for (i, y) in results.enumerated() {
            (products[i].y, products[i].y_row) = (y.pointer(), products[i].n)
        }
        if let residual = call.residual {
            products[0].residual = UnsafePointer(residual.pointer(Float.self))
            products[0].residual_row = products[0].n
        }
        withExtendedLifetime((call, results)) {
            using(call.weights.map { $0.parts[0] }) {
                apus_products(
                    Int64(call.x.shape[0]), columns, call.x.pointer(), columns,
                    Int32(products.count), products, call.gate.c)
            }
        }
    }
}

extension apus_product {
    /// w (n, k) with a bias, y still missing. Valid while the tensors are alive.
    fileprivate init(_ format: BlockFormat, _ n: Int64, _ w: Tensor, bias: Tensor?) {
        self.init()
        (self.format, self.n, self.w) = (format.c, n, w.blocks)
        self.bias = UnsafePointer(bias?.pointer(Float.self))
    }
}

extension BlockFormat {
    var c: apus_format { apus_format(rawValue: rawValue) }

    /// Values in a block, and the bytes that hold them.
    public var blockValues: Int { Int(apus_block_values(c)) }
    public var blockBytes: Int { Int(apus_block_bytes(c)) }
}
