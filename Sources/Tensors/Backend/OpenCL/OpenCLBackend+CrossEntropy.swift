extension OpenCLBackend {
    package func crossEntropy(
        _ c: CrossEntropy, loss: Tensor, logSumExp: Tensor, rowWeight: Tensor
    ) {
        let (rows, classes) = (c.logits.shape[0], c.logits.shape[1])
        let group = rowGroup(classes)
        launch(
            "cross_entropy", "cross_entropy", options(c) + group.options,
            operands(c) + [.tensor(loss), .tensor(logSumExp), .tensor(rowWeight)],
            global: [rows * group.size], local: [group.size])
    }

    package func crossEntropyGradient(
        _ c: CrossEntropy, logSumExp: Tensor, scale: Tensor, into dlogits: Tensor
    ) {
        let (rows, classes) = (c.logits.shape[0], c.logits.shape[1])
        let group = rowGroup(classes)
        launch(
            "cross_entropy", "cross_entropy_gradient", options(c) + group.options,
            operands(c) + [
                .tensor(logSumExp), .tensor(scale), .long(scale.count == 1 ? 0 : 1),
                .tensor(dlogits),
            ],
            global: [rows * group.size], local: [group.size])
    }

    private func options(_ c: CrossEntropy) -> KernelOptions {
        [("X_TYPE", c.logits.dtype.option), ("SMOOTH", c.smoothing > 0 ? 1 : 0)]
    }

    private func operands(_ c: CrossEntropy) -> [KernelArgument] {
        [
            .long(c.logits.shape[1]), .tensor(c.logits), .tensor(c.targets), .optional(c.weight),
            .int(c.ignoring), .float(c.smoothing),
        ]
    }
}
