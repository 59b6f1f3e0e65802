extension OpenCLBackend {
    package func sort(_ x: Tensor, axis: Int, descending: Bool, values: Tensor, indices: Tensor) {
        guard values.count > 0 else { return }
        let lines = SortedLines(x, axis, values, indices)
        let options: KernelOptions = [
            ("X_TYPE", x.dtype.option), ("K_RANK", lines.axes.rank),
            ("DESCENDING", descending ? 1 : 0), ("WG", 64), ("LENGTH", lines.block),
        ]
        if lines.padded <= lines.block {
            launch(
                "sort", "sort_lines", options,
                [.long(lines.length), .long(lines.kept), .axes(lines.axes.shape)] + lines.input
                    + lines.outputs,
                global: [lines.count * 64], local: [64])
        } else {
            sortLong(lines, options)
        }
    }

    /// Lines longer than local memory: blocks are sorted there, and exchanges between blocks in global memory.
    private func sortLong(_ s: SortedLines, _ options: KernelOptions) {
        // 64-bit keys, as two words each.
        let keys = Tensor.uninitialized([s.count, s.padded, 2], .i32, on: self)
        let shape = KernelArgument.axes(s.axes.shape)
        launch(
            "sort", "sort_load", options,
            [.long(s.length), .long(s.padded), shape] + s.input + [.tensor(keys)],
            global: [s.padded, s.count], local: [64, 1])
        func sortBlocks(_ first: Int) {
            launch(
                "sort", "sort_blocks", options, [.long(s.padded), .long(first), .tensor(keys)],
                global: [s.padded / s.block * 64, s.count], local: [64, 1])
        }
        sortBlocks(2)
        var span = 2 * s.block
        while span <= s.padded {
            var gap = span / 2
            while gap >= s.block {
                launch(
                    "sort", "sort_exchange", options,
                    [.long(s.padded), .long(span), .long(gap), .tensor(keys)],
                    global: [s.padded / 2, s.count], local: [64, 1])
                gap /= 2
            }
            sortBlocks(span)
            span *= 2
        }
        launch(
            "sort", "sort_store", options,
            [.long(s.kept), .long(s.padded), shape] + s.input + s.outputs + [.tensor(keys)],
            global: [s.kept, s.count], local: [min(64, s.kept), 1])
    }
}

/// The lines of a sort and the kernels' arguments for them.
private struct SortedLines {
    let length, kept, count, padded, block: Int
    let axes: MergedAxes
    let input, outputs: [KernelArgument]

    init(_ x: Tensor, _ axis: Int, _ values: Tensor, _ indices: Tensor) {
        length = x.shape[axis]
        kept = values.shape[axis]
        count = x.count / max(1, length)
        var power = 128
        while power < length { power *= 2 }
        padded = power
        block = min(1024, power)
        axes = MergedAxes([x, values, indices].map { $0.view($0.layout.removingAxis(axis)) })
        input = [.tensor(x), .axes(axes.strides[0]), .long(x.layout.strides[axis])]
        outputs = [
            .tensor(values), .axes(axes.strides[1]), .long(values.layout.strides[axis]),
            .tensor(indices), .axes(axes.strides[2]), .long(indices.layout.strides[axis]),
        ]
    }
}
