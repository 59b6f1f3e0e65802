extension OpenCLBackend {
    package func softmax(logarithm: Bool, _ x: Tensor, into y: Tensor) {
        let group = rowGroup(x.shape[1])
        launch(
            "softmax", "softmax",
            [("X_TYPE", x.dtype.option), ("LOG", logarithm ? 1 : 0)] + group.options,
            [.long(x.shape[1]), .tensor(x), .tensor(y)],
            global: [x.shape[0] * group.size], local: [group.size])
    }

    package func softmaxGradient(logarithm: Bool, _ y: Tensor, _ g: Tensor, into dx: Tensor) {
        let group = rowGroup(y.shape[1])
        launch(
            "softmax", "softmax_gradient",
            [("X_TYPE", y.dtype.option), ("LOG", logarithm ? 1 : 0)] + group.options,
            [.long(y.shape[1]), .tensor(y), .tensor(g), .tensor(dx)],
            global: [y.shape[0] * group.size], local: [group.size])
    }

    /// The widest vectors that divide a length.
    func vector(dividing length: Int) -> Int {
        let widest = description.isCPU ? 8 : 4
        return [widest, 4, 2].first { length % $0 == 0 } ?? 1
    }

    /// How a work-group takes a row: one work-item with wide vectors on a CPU, many side by side on a GPU.
    func rowGroup(_ columns: Int) -> (size: Int, options: KernelOptions) {
        let width = vector(dividing: columns)
        var size = 1
        while !description.isCPU && size < 256 && size * width < columns { size *= 2 }
        return (size, [("WG", size), ("VEC", width)])
    }
}
