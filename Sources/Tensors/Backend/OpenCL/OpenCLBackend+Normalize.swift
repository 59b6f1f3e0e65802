extension OpenCLBackend {
    package func normalize(
        _ n: Normalization, _ x: Tensor, into y: Tensor, statistics s: NormalizationStatistics
    ) {
        switch n.kind {
        case .layer: rowNorm(n, 0, x, y, s, isRMS: false)
        case .rms(let offset): rowNorm(n, offset, x, y, s, isRMS: true)
        case .group(let groups, let activation): groupNorm(n, groups, activation, x, y, s)
        }
    }

    package func normalizeGradient(
        _ n: Normalization, _ x: Tensor, statistics s: NormalizationStatistics, _ g: Tensor,
        into d: NormalizationGradients
    ) {
        switch n.kind {
        case .layer: rowNormGradient(n, 0, x, s, g, d, isRMS: false)
        case .rms(let offset): rowNormGradient(n, offset, x, s, g, d, isRMS: true)
        case .group(let groups, .silu):
            var plain = n
            plain.kind = .group(groups, activation: .none)
            let inside = Tensor.uninitialized(x.shape, x.dtype, on: self)
            normalize(plain, x, into: inside, statistics: s)
            unaryGradient(.silu, inside, g, into: inside)
            groupNormGradient(plain, groups, x, s, inside, d)
        case .group(let groups, _): groupNormGradient(n, groups, x, s, g, d)
        }
    }

    // MARK: rows

    private func rowNorm(
        _ n: Normalization, _ offset: Float, _ x: Tensor, _ y: Tensor, _ s: NormalizationStatistics,
        isRMS: Bool
    ) {
        let group = rowGroup(x.shape[1])
        launch(
            "normalize", "row_norm",
            [("X_TYPE", x.dtype.option), ("RMS", isRMS ? 1 : 0)] + group.options,
            [
                .long(x.shape[1]), .float(n.epsilon), .float(offset), .tensor(x),
                .optional(n.weight), .optional(n.bias),
                .tensor(y), .optional(isRMS ? nil : s.mean), .tensor(s.rstd),
            ],
            global: [x.shape[0] * group.size], local: [group.size])
    }

    private func rowNormGradient(
        _ n: Normalization, _ offset: Float, _ x: Tensor, _ s: NormalizationStatistics, _ g: Tensor,
        _ d: NormalizationGradients, isRMS: Bool
    ) {
        let (rows, columns) = (x.shape[0], x.shape[1])
        let group = rowGroup(columns)
        let options: KernelOptions = [("X_TYPE", x.dtype.option), ("RMS", isRMS ? 1 : 0)]
        if let dx = d.x {
            launch(
                "normalize", "row_norm_gradient", options + group.options,
                [
                    .long(columns), .float(offset), .tensor(x), .optional(n.weight),
                    .tensor(s.mean), .tensor(s.rstd),
                    .tensor(g), .tensor(dx),
                ],
                global: [rows * group.size], local: [group.size])
        }
        guard let weight = d.weight else { return }
        let width = vector(dividing: columns)
        let parts = min(64, max(1, rows / 16))
        let partWeight = scratch([parts, columns])
        let partBias = d.bias.map { _ in scratch([parts, columns]) }
        launch(
            "normalize", "row_norm_gradient_weights", options + [("VEC", width)],
            [
                .long(rows), .long(columns), .tensor(x), .tensor(s.mean), .tensor(s.rstd),
                .tensor(g),
                .tensor(partWeight), .optional(partBias),
            ],
            global: [columns / width, parts], local: [min(64, columns / width), 1])
        sumRows(partWeight, into: weight)
        if let partBias, let bias = d.bias { sumRows(partBias, into: bias) }
    }

    // MARK: groups

    private func groupNorm(
        _ n: Normalization, _ groups: Int, _ activation: Activation, _ x: Tensor, _ y: Tensor,
        _ s: NormalizationStatistics
    ) {
        let (images, positions, channels) = (x.shape[0], x.shape[1], x.shape[2])
        let width = vector(dividing: channels)
        let parts = min(64, max(1, positions / 64))
        let type: KernelOptions = [("X_TYPE", x.dtype.option), ("VEC", width)]
        let (partMean, partSquares) = (
            scratch([images, parts, channels]), scratch([images, parts, channels])
        )
        launch(
            "normalize", "channel_statistics", type,
            [
                .long(positions), .long(channels), .long(parts), .tensor(x), .tensor(partMean),
                .tensor(partSquares),
            ],
            global: [channels / width, parts, images], local: [1, 1, 1])
        let (scale, shift) = (scratch([images, channels]), scratch([images, channels]))
        launch(
            "normalize", "group_norm_statistics", [],
            [
                .long(positions), .long(channels), .long(groups), .long(parts), .float(n.epsilon),
                .tensor(partMean),
                .tensor(partSquares), .optional(n.weight), .optional(n.bias), .tensor(s.mean),
                .tensor(s.rstd),
                .tensor(scale), .tensor(shift),
            ],
            global: [groups, images], local: [1, 1])
        launch(
            "normalize", "group_norm", type + [("ACTIVATION", Int(activation.rawValue))],
            [
                .long(positions), .long(channels), .tensor(x), .tensor(scale), .tensor(shift),
                .tensor(y),
            ],
            global: [channels / width, positions, images],
            local: pixelGroup(channels / width, positions))
    }

    private func groupNormGradient(
        _ n: Normalization, _ groups: Int, _ x: Tensor, _ s: NormalizationStatistics, _ g: Tensor,
        _ d: NormalizationGradients
    ) {
        let (images, positions, channels) = (x.shape[0], x.shape[1], x.shape[2])
        let width = vector(dividing: channels)
        let parts = min(64, max(1, positions / 64))
        let type: KernelOptions = [("X_TYPE", x.dtype.option), ("VEC", width)]
        let (sumG, sumGX) = (
            scratch([images, parts, channels]), scratch([images, parts, channels])
        )
        launch(
            "normalize", "group_norm_gradient_sums", type,
            [
                .long(positions), .long(channels), .long(groups), .long(parts), .tensor(x),
                .tensor(g), .tensor(s.mean),
                .tensor(s.rstd), .tensor(sumG), .tensor(sumGX),
            ],
            global: [channels / width, parts, images], local: [1, 1, 1])
        let coefficients = (0..<3).map { _ in scratch([images, channels]) }
        let partWeight = d.weight.map { _ in scratch([images, channels]) }
        let partBias = d.bias.map { _ in scratch([images, channels]) }
        launch(
            "normalize", "group_norm_gradient_coefficients", [],
            [
                .long(positions), .long(channels), .long(groups), .long(parts), .tensor(sumG),
                .tensor(sumGX),
                .optional(n.weight), .tensor(s.mean), .tensor(s.rstd), .tensor(coefficients[0]),
                .tensor(coefficients[1]), .tensor(coefficients[2]), .optional(partWeight),
                .optional(partBias),
            ],
            global: [groups, images], local: [1, 1])
        if let partWeight, let weight = d.weight { sumRows(partWeight, into: weight) }
        if let partBias, let bias = d.bias { sumRows(partBias, into: bias) }
        guard let dx = d.x else { return }
        launch(
            "normalize", "group_norm_gradient", type,
            [
                .long(positions), .long(channels), .tensor(x), .tensor(g), .tensor(coefficients[0]),
                .tensor(coefficients[1]), .tensor(coefficients[2]), .tensor(dx),
            ],
            global: [channels / width, positions, images],
            local: pixelGroup(channels / width, positions))
    }

    /// A work-group over (channels, positions, image).
    private func pixelGroup(_ channels: Int, _ positions: Int) -> [Int] {
        let wide = min(64, channels)
        return [wide, min(max(1, 64 / wide), positions), 1]
    }

    /// An f32 tensor for an intermediate result.
    func scratch(_ shape: [Int]) -> Tensor { Tensor.uninitialized(shape, .f32, on: self) }

    /// y (columns) = the sum of x (rows, columns) over its rows.
    func sumRows(_ x: Tensor, into y: Tensor) {
        let row = y.view(
            Layout(shape: [1, x.shape[1]], strides: [x.shape[1], 1], offset: y.layout.offset))
        reduce(.sum, x, axes: [0], into: row)
    }
}
