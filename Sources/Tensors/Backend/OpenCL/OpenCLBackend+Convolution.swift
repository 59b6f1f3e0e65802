extension OpenCLBackend {
    package func convolve(_ pass: ConvolutionPass, _ c: Convolution, into result: Tensor) {
        switch pass {
        case .forward(let x, let weight, let bias, let activation, let residual):
            convolve(0, c, x, weight, bias, activation, residual, into: result)
        case .inputGradient(let g, let weight, let bias):
            convolve(1, c, g, weight, bias, .none, nil, into: result)
        case .weightGradient(let x, let g):
            weightGradient(c, x, g, into: result)
        }
    }

    /// Forward (pass 0) or the input gradient (pass 1).
    private func convolve(
        _ pass: Int, _ c: Convolution, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?,
        _ activation: Activation, _ residual: Tensor?, into y: Tensor
    ) {
        let options: KernelOptions = [
            ("X_TYPE", x.dtype.option), ("PASS", pass), ("ACTIVATION", Int(activation.rawValue)),
        ]
        let arguments: [KernelArgument] = [
            .lengths(c.lengths), .tensor(x), .tensor(weight), .optional(bias), .optional(residual),
            .tensor(y),
        ]
        let positions = pass == 0 ? c.n * c.oh * c.ow : c.n * c.h * c.w
        if c.isDepthwise {
            launch(
                "conv2d", "conv2d_depthwise", options, arguments, global: [c.cin, positions],
                local: [min(64, c.cin), 1])
            return
        }
        let columns = (pass == 0 ? c.cout : c.cin) / c.groups
        let tile = productTile("conv2d", positions, columns)
        launch(
            "conv2d", "conv2d", options + tile.options, arguments,
            global: tile.global(rows: positions, columns: columns, batch: c.groups),
            local: tile.local)
    }

    private func weightGradient(_ c: Convolution, _ x: Tensor, _ g: Tensor, into dweight: Tensor) {
        let positions = c.n * c.oh * c.ow
        let parts = min(16, max(1, positions / 512))
        let partial = scratch([parts, dweight.count])
        let type: KernelOptions = [("X_TYPE", x.dtype.option)]
        let arguments: [KernelArgument] = [
            .lengths(c.lengths), .long(parts), .tensor(x), .tensor(g), .tensor(partial),
        ]
        if c.isDepthwise {
            launch(
                "conv2d", "conv2d_depthwise_weight_gradient", type, arguments,
                global: [c.cin, c.kh * c.kw, parts], local: [min(64, c.cin), 1, 1])
        } else {
            let (rows, columns) = (c.cout / c.groups, c.cin / c.groups)
            let tile = productTile("conv2d", rows, columns)
            launch(
                "conv2d", "conv2d_weight_gradient", type + tile.options, arguments,
                global: tile.global(
                    rows: rows, columns: columns, batch: parts * c.groups * c.kh * c.kw),
                local: tile.local)
        }
        sumRows(partial, into: dweight.view(Layout([dweight.count])))
    }
}

extension Convolution {
    /// One input and one output channel a group.
    fileprivate var isDepthwise: Bool { groups == cin && groups == cout }

    /// As the kernels take them.
    var lengths: [Int64] {
        [
            n, h, w, cin, cout, kh, kw, oh, ow, strideH, strideW, padH, padW, dilationH, dilationW,
            groups,
        ]
        .map { Int64($0) }
    }
}
