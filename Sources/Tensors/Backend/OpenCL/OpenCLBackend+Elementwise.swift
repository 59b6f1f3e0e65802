import CApus

extension OpenCLBackend {
    /// A kernel of elementwise.cl on tensors of one shape; `names` are the letters of their options.
    private func elementwise(
        _ kernel: String, _ tensors: [(name: String, tensor: Tensor)],
        _ options: KernelOptions = [],
        _ scalars: [KernelArgument] = []
    ) {
        let axes = MergedAxes(tensors.map(\.tensor))
        let steps = tensors.indices.map { axes.step($0) }
        let isPlain = steps.allSatisfy { $0 == 0 || $0 == 1 } && steps.last == 1
        let width =
            isPlain && axes.columns >= 4 ? (description.isCPU && axes.columns >= 64 ? 16 : 4) : 1
        var all = options + [("RANK", axes.rank), ("VEC", width)]
        var arguments: [KernelArgument] = [.axes(axes.shape), .long(axes.rows)]
        for (i, (name, tensor)) in tensors.enumerated() {
            // The condition of a select has no options of its own.
            if name != "C" {
                all.append(("\(name)_TYPE", tensor.dtype.option))
                if steps[i] == 0 || steps[i] == 1 { all.append(("\(name)_STEP", steps[i])) }
            }
            arguments += [.tensor(tensor), .axes(axes.strides[i])]
        }
        let items = (axes.columns + width - 1) / width
        let wide = min(64, items)
        launch(
            "elementwise", kernel, all, arguments + scalars, global: [items, axes.rows],
            local: [wide, min(64 / wide, axes.rows)])
    }

    package func copy(_ x: Tensor, into y: Tensor) {
        if x.count > 0 { elementwise("copy", [("X", x), ("Y", y)]) }
    }

    package func unary(_ op: UnaryOp, _ x: Tensor, into y: Tensor) {
        guard x.count > 0 else { return }
        let (code, a, b) = op.c
        elementwise(
            "unary", [("X", x), ("Y", y)], [("OP", Int(code.rawValue))], [.float(a), .float(b)])
    }

    package func unaryGradient(_ op: UnaryOp, _ x: Tensor, _ g: Tensor, into dx: Tensor) {
        guard x.count > 0 else { return }
        let (code, a, b) = op.c
        elementwise(
            "unary_gradient", [("X", x), ("G", g), ("Y", dx)], [("OP", Int(code.rawValue))],
            [.float(a), .float(b)])
    }

    package func binary(_ op: BinaryOp, _ x: Tensor, _ y: Tensor, into z: Tensor) {
        if z.count > 0 {
            elementwise("binary", [("X", x), ("Y", y), ("Z", z)], [("OP", Int(op.rawValue))])
        }
    }

    package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into y: Tensor) {
        if y.count > 0 {
            elementwise("select_where", [("C", condition), ("X", a), ("Z", b), ("Y", y)])
        }
    }

    package func generate(_ source: Generator, into y: Tensor) {
        guard y.count > 0 else { return }
        switch source {
        case .constant(let value):
            elementwise(
                "fill", [("Y", y)], [], [.float(Float(value)), .int(whole(value, y.dtype))])
        case .iota(let start, let step):
            launch(
                "elementwise", "iota", [("Y_TYPE", y.dtype.option)],
                [
                    .long(y.count), .tensor(y), .float(Float(start)), .float(Float(step)),
                    .long(Int(exactly: start.rounded(.towardZero)) ?? 0),
                    .long(Int(exactly: step.rounded(.towardZero)) ?? 0),
                ],
                global: [y.count], local: [64])
        case .random(let distribution, let seed, let stream):
            random(distribution, seed, stream, into: y)
        }
    }

    /// A value as an integer type holds it.
    private func whole(_ value: Double, _ dtype: DType) -> Int {
        if dtype == .bool { return value != 0 ? 1 : 0 }
        return Int(exactly: value.rounded(.towardZero)) ?? 0
    }
}
