extension OpenCLBackend {
    package func reduce(_ op: ReduceOp, _ x: Tensor, axes: [Int], into y: Tensor) {
        guard y.count > 0 else { return }
        let plan = ReductionPlan(
            x, axes, widest: vector(dividing: 1 << 10), isCPU: description.isCPU)
        let options: KernelOptions =
            [("X_TYPE", x.dtype.option), ("Y_TYPE", y.dtype.option), ("OP", Int(op.rawValue))]
            + plan.options
        let partial = plan.parts > 1 ? scratch([2, plan.parts, plan.outputs]) : nil
        launch(
            "reduce", "reduce", options,
            plan.arguments + [.tensor(x), .tensor(y), .optional(partial)],
            global: plan.global, local: plan.local)
        guard let partial else { return }
        launch(
            "reduce", "reduce_parts", options,
            [
                .long(plan.outputs), .long(plan.count), .long(plan.parts), .tensor(partial),
                .tensor(y),
            ],
            global: [plan.outputs], local: [1])
    }

    package func meanVariance(
        _ x: Tensor, axes: [Int], correction: Float, mean: Tensor, variance: Tensor
    ) {
        guard mean.count > 0 else { return }
        let plan = ReductionPlan(
            x, axes, widest: vector(dividing: 1 << 10), isCPU: description.isCPU)
        let options: KernelOptions = [("X_TYPE", x.dtype.option)] + plan.options
        let (m, v) = (
            mean.dtype == .f32 ? mean : scratch(mean.shape),
            variance.dtype == .f32 ? variance : scratch(mean.shape)
        )
        let partial = plan.parts > 1 ? scratch([2, plan.parts, plan.outputs]) : nil
        launch(
            "reduce", "mean_variance", options,
            plan.arguments + [
                .tensor(x), .float(correction), .tensor(m), .tensor(v), .optional(partial),
            ],
            global: plan.global, local: plan.local)
        if let partial {
            launch(
                "reduce", "mean_variance_parts", options,
                [
                    .long(plan.outputs), .long(plan.count), .long(plan.parts),
                    .long(plan.isAcross ? 1 : plan.width),
                    .float(correction), .tensor(partial), .tensor(m), .tensor(v),
                ],
                global: [plan.outputs], local: [1])
        }
        if mean.dtype != .f32 { copy(m, into: mean) }
        if variance.dtype != .f32 { copy(v, into: variance) }
    }

    package func argReduce(largest: Bool, _ x: Tensor, axis: Int, into y: Tensor) {
        guard y.count > 0 else { return }
        let plan = ReductionPlan(x, [axis], widest: 1, isCPU: description.isCPU, splits: false)
        launch(
            "reduce", "arg_reduce",
            [("X_TYPE", x.dtype.option), ("LARGEST", largest ? 1 : 0)] + plan.options,
            plan.arguments + [.tensor(x), .tensor(y)], global: plan.global, local: plan.local)
    }

    package func cumsum(_ x: Tensor, axis: Int, reverse: Bool, into y: Tensor) {
        guard y.count > 0 else { return }
        let others = MergedAxes([x, y].map { $0.view($0.layout.removingAxis(axis)) })
        let lines = x.count / x.shape[axis]
        let (wide, chunks) = description.isCPU ? (1, 1) : (16, x.shape[axis] >= 256 ? 16 : 1)
        launch(
            "reduce", "cumsum",
            [
                ("X_TYPE", x.dtype.option), ("Y_TYPE", y.dtype.option), ("K_RANK", others.rank),
                ("REVERSE", reverse ? 1 : 0), ("LX", wide), ("LY", chunks),
            ],
            [
                .long(lines), .long(x.shape[axis]), .axes(others.shape), .tensor(x),
                .axes(others.strides[0]),
                .long(x.layout.strides[axis]), .tensor(y), .axes(others.strides[1]),
                .long(y.layout.strides[axis]),
            ],
            global: [wide * roundedUp(lines, wide), chunks], local: [wide, chunks])
    }
}

/// How a reduction is spread over work-items: see Kernels/reduce.cl.
private struct ReductionPlan {
    let outputs, count, parts, width: Int
    /// Vectors lie along the last kept axis instead of the last reduced one.
    let isAcross: Bool
    let arguments: [KernelArgument]
    let options: KernelOptions
    let global, local: [Int]

    init(_ x: Tensor, _ axes: [Int], widest: Int, isCPU: Bool, splits: Bool = true) {
        func part(_ list: [Int]) -> MergedAxes { MergedAxes([x.view(x.layout.permuted(list))]) }
        let keptList = x.shape.indices.filter { !axes.contains($0) }
        let (kept, reduced) = (part(keptList), part(axes))
        outputs = keptList.map { x.shape[$0] }.reduce(1, *)
        count = axes.map { x.shape[$0] }.reduce(1, *)
        func vector(_ axes: MergedAxes) -> Int {
            axes.step(0) == 1
                ? [widest, 4, 2].first { $0 <= widest && axes.columns % $0 == 0 } ?? 1 : 1
        }
        let (along, across) = (vector(reduced), vector(kept))
        isAcross = along == 1 && across > 1
        width = isAcross ? across : along
        let steps = count / (isAcross ? 1 : width)
        let (lx, ly) = ReductionPlan.group(steps, isAcross: isAcross, isCPU: isCPU)
        // Too few outputs to keep the device busy: several groups share one.
        let groups = roundedUp(outputs, lx * (isAcross ? width : 1))
        let wanted = isCPU ? 16 : 256
        parts = splits && groups < wanted && steps >= 4096 ? min(wanted / groups, steps / 1024) : 1
        arguments = [
            .long(outputs), .long(count), .long(parts), .axes(kept.shape), .axes(kept.strides[0]),
            .axes(reduced.shape), .axes(reduced.strides[0]),
        ]
        options = [
            ("K_RANK", kept.rank), ("R_RANK", reduced.rank), ("LX", lx), ("LY", ly),
            ("ACROSS", isAcross ? 1 : 0),
            ("VEC", width),
        ]
        global = [lx * groups, ly, parts]
        local = [lx, ly, 1]
    }

    /// Work-items side by side, and work-items that share an output.
    private static func group(_ steps: Int, isAcross: Bool, isCPU: Bool) -> (Int, Int) {
        if isCPU { return (1, 1) }
        if isAcross { return (16, steps >= 64 ? 8 : 1) }
        var ly = 1
        while ly < 128 && ly * 2 <= steps { ly *= 2 }
        return (ly >= 32 ? 1 : 32 / ly, ly)
    }
}
