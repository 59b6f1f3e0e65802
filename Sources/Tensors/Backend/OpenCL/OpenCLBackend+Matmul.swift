import CApus

extension OpenCLBackend {
    package func matmul(_ call: Matmul) {
        let shape = ProductShape(call)
        if shape.m <= 8 && shape.bColumn == 1 && vector(dividing: shape.n) > 1 {
            return fewRowsWide(call, shape)
        }
        if shape.m <= 8 && shape.bRow == 1 && shape.aColumn == 1 && shape.k > 0 {
            return fewRows(call, shape)
        }
        let tile = productTile("matmul", shape.m, shape.n)
        launch(
            "matmul", "matmul", productOptions(call, shape) + tile.options,
            productArguments(call, shape),
            global: tile.global(rows: shape.m, columns: shape.n, batch: shape.batch),
            local: tile.local)
    }

    /// b (k, n) with few rows of a: each work-item takes neighbouring columns.
    private func fewRowsWide(_ call: Matmul, _ shape: ProductShape) {
        let width = vector(dividing: shape.n)
        let (slices, side) = description.isCPU ? (1, 1) : (shape.k >= 256 ? 8 : 1, 16)
        launch(
            "matmul", "matmul_few_rows_wide",
            productOptions(call, shape) + [
                ("M", shape.rowClass), ("WG", slices), ("LX", side), ("VEC", width),
            ],
            productArguments(call, shape),
            global: [roundedUp(shape.n, width), slices, shape.batch], local: [side, slices, 1])
    }

    /// b (n, k), as weights lie: each work-group takes one column.
    private func fewRows(_ call: Matmul, _ shape: ProductShape) {
        let group = rowGroup(shape.k)
        launch(
            "matmul", "matmul_few_rows",
            productOptions(call, shape) + [("M", shape.rowClass)] + group.options,
            productArguments(call, shape),
            global: [group.size * shape.n, 1, shape.batch], local: [group.size, 1, 1])
    }

    private func productOptions(_ call: Matmul, _ shape: ProductShape) -> KernelOptions {
        [
            ("X_TYPE", call.a.dtype.option), ("C_TYPE", call.result.dtype.option),
            ("ACTIVATION", Int(call.activation.rawValue)), ("BATCH_RANK", shape.batchRank),
            ("A_LAYOUT", shape.aColumn == 1 ? 0 : 1), ("B_LAYOUT", shape.bColumn == 1 ? 0 : 1),
        ]
    }

    private func productArguments(_ call: Matmul, _ s: ProductShape) -> [KernelArgument] {
        [
            .long(s.m), .long(s.n), .long(s.k), .float(call.alpha), .tensor(call.a), .long(s.aRow),
            .long(s.aColumn),
            .tensor(call.b), .long(s.bRow), .long(s.bColumn), .tensor(call.result), .long(s.n),
            .optional(call.bias),
            .optional(call.residual), .long(s.n), .axes(s.axes.shape), .axes(s.axes.strides[0]),
            .axes(s.axes.strides[1]), .axes(s.axes.strides[2]),
        ]
    }
}

/// How often `step` goes into `length`, rounded up.
func roundedUp(_ length: Int, _ step: Int) -> Int { (length + step - 1) / step }

/// The lengths and strides of a batched product.
private struct ProductShape {
    let m, n, k, batch, batchRank: Int
    let aRow, aColumn, bRow, bColumn: Int
    let axes: MergedAxes

    init(_ call: Matmul) {
        let (a, b) = (call.a, call.b)
        (m, k, n) = (a.shape[a.rank - 2], a.shape[a.rank - 1], b.shape[b.rank - 1])
        (aRow, aColumn) = (a.layout.strides[a.rank - 2], a.layout.strides[a.rank - 1])
        (bRow, bColumn) = (b.layout.strides[b.rank - 2], b.layout.strides[b.rank - 1])
        axes = MergedAxes([a, b, call.result].map(\.firstOfEachMatrix))
        batch = a.shape.dropLast(2).reduce(1, *)
        batchRank = batch == 1 ? 0 : axes.rank
    }

    /// Few rows are compiled for 1, 2, 4 or 8 of them.
    var rowClass: Int { m <= 1 ? 1 : m <= 2 ? 2 : m <= 4 ? 4 : 8 }
}

extension Tensor {
    /// The batch alone: the first element of each matrix.
    fileprivate var firstOfEachMatrix: Tensor {
        view(
            Layout(
                shape: Array(shape.dropLast(2)), strides: Array(layout.strides.dropLast(2)),
                offset: layout.offset))
    }
}
