extension OpenCLBackend {
    package func pool(_ p: Pooling, _ x: Tensor, into y: Tensor, index: Tensor?) {
        guard y.count > 0 else { return }
        launch(
            "pool2d", "pool2d", options(p, x),
            [
                .lengths(p.lengths(x: x.shape, y: y.shape)), .tensor(x), .tensor(y),
                .optional(index),
            ],
            global: [y.shape[3], y.count / y.shape[3]], local: [min(64, y.shape[3]), 1])
    }

    package func poolGradient(_ p: Pooling, _ g: Tensor, index: Tensor?, into dx: Tensor) {
        guard dx.count > 0 else { return }
        launch(
            "pool2d", "pool2d_gradient", options(p, g),
            [
                .lengths(p.lengths(x: dx.shape, y: g.shape)), .tensor(g), .optional(index),
                .tensor(dx),
            ],
            global: [dx.shape[3], dx.count / dx.shape[3]], local: [min(64, dx.shape[3]), 1])
    }

    private func options(_ p: Pooling, _ x: Tensor) -> KernelOptions {
        [("X_TYPE", x.dtype.option), ("MAXIMUM", p.kind == .max ? 1 : 0)]
    }

    package func resample(bilinear: Bool, gradient: Bool, _ x: Tensor, into y: Tensor) {
        guard y.count > 0 else { return }
        let (from, to) = gradient ? (y.shape, x.shape) : (x.shape, y.shape)
        launch(
            "resample", gradient ? "resample_gradient" : "resample",
            [("X_TYPE", x.dtype.option), ("BILINEAR", bilinear ? 1 : 0)],
            (from + [to[1], to[2]]).map { .long($0) } + [.tensor(x), .tensor(y)],
            global: [y.shape[3], y.count / y.shape[3]], local: [min(64, y.shape[3]), 1])
    }
}

extension Pooling {
    /// As the kernels take them.
    fileprivate func lengths(x: [Int], y: [Int]) -> [Int64] {
        [
            x[0], x[1], x[2], x[3], y[1], y[2], kh, kw, strideH, strideW, padH, padW, dilationH,
            dilationW, countsPadding ? 1 : 0, kind == .adaptiveAverage ? 1 : 0,
        ].map { Int64($0) }
    }
}
