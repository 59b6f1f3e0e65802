// Matrix products. Batches broadcast; a fused product also takes bias, activation and residual.

extension Tensor {
    /// The matrix product as in NumPy: vectors, matrices, and batches of matrices with broadcasting.
    public func matmul(_ other: Tensor) -> Tensor {
        require(
            rank > 0 && other.rank > 0,
            "matmul: \(shape) and \(other.shape): a scalar has no product")
        if rank == 1 {
            let y = expandingAxis(0).matmul(other)
            return other.rank == 1 ? y.squeezed(0) : y.squeezed(-2)
        }
        if other.rank == 1 { return matmul(other.expandingAxis(1)).squeezed(-1) }
        let (a, b) = (self, other)
        let y = Tensor.product(a.detached, b.detached)
        return y.recorded(from: [a, b]) { g in
            [
                a.isTracked ? g.matmul(b.transposed()).summed(to: a.shape) : nil,
                b.isTracked ? gradientOfRight(a, b, g) : nil,
            ]
        }
    }

    /// a^T g; one flat product where b was shared by a whole batch, so that no batch of gradients must be added up.
    private func gradientOfRight(_ a: Tensor, _ b: Tensor, _ g: Tensor) -> Tensor {
        if b.rank == 2 && a.rank > 2 {
            return a.flattened(0, -2).transposed().matmul(g.flattened(0, -2))
        }
        return a.transposed().matmul(g).summed(to: b.shape)
    }

    /// x weight^T + bias, then the activation: weight (out, in), bias (out).
    public func linear(_ weight: Tensor, bias: Tensor? = nil, activation: Activation = .none)
        -> Tensor
    {
        require(
            weight.rank == 2 && rank >= 1 && weight.shape[1] == shape[rank - 1],
            "linear: a weight of shape \(weight.shape) does not fit an input of shape \(shape)")
        require(
            bias == nil || bias?.shape == [weight.shape[0]],
            "linear: a bias of shape \(bias?.shape ?? []) does not fit a weight of shape \(weight.shape)"
        )
        let needsGradient =
            Recording.isOn && (isTracked || weight.isTracked || bias?.isTracked == true)
        if needsGradient && activation != .none && activation != .relu {
            return linear(weight, bias: bias).activated(activation)
        }
        let y = Tensor.product(
            detached.flatRows, weight.detached.transposed(), bias: bias?.detached,
            activation: activation)
        let kept = activation == .relu ? y : nil
        return y.unflattened(like: self).recorded(
            from: [self, weight] + (bias.map { [$0] } ?? [])
        ) { [x = self] g in
            var flat = g.reshaped([-1, weight.shape[0]])
            if let kept { flat = flat.whereRelu(gave: kept) }
            return [
                x.isTracked ? flat.matmul(weight).reshaped(x.shape) : nil,
                weight.isTracked ? flat.weightGradient(x, as: weight.gradientType) : nil,
            ] + (bias.map { [$0.isTracked ? flat.sumOfRows(as: $0.dtype) : nil] } ?? [])
        }
    }

    /// (…, k) as a matrix (rows, k).
    package var flatRows: Tensor {
        rank == 2 ? self : reshaped([layout.shape.dropLast().reduce(1, *), shape[rank - 1]])
    }

    /// A matrix (rows, n) as (…, n), with the leading axes that x has.
    package func unflattened(like x: Tensor) -> Tensor {
        x.rank == 2 ? self : reshaped(x.shape.dropLast() + [shape[1]])
    }

    /// g^T x for self = g (rows, out) and x (…, in), stored in a type.
    private func weightGradient(_ x: Tensor, as type: DType) -> Tensor {
        let flat = x.reshaped([-1, x.shape[x.rank - 1]])
        if type == dtype { return transposed().matmul(flat) }
        return Tensor.product(detached.transposed(), flat.detached, as: type)
    }

    /// The sum over the first axis of a matrix, stored in a type.
    package func sumOfRows(as type: DType) -> Tensor {
        if type == dtype || Recording.isOn { return sum(axes: [0]).cast(to: type) }
        return reduced(.sum, [0], type).squeezed(0)
    }

    package func activated(_ activation: Activation) -> Tensor {
        switch activation {
        case .none: self
        case .relu: relu()
        case .gelu: gelu()
        case .geluTanh: gelu(approximate: true)
        case .silu: silu()
        }
    }

    /// The kernel's call for operands of rank 2 and more, without history.
    private static func product(
        _ a: Tensor, _ b: Tensor, bias: Tensor? = nil, activation: Activation = .none,
        as type: DType? = nil
    ) -> Tensor {
        let backend = sharedBackend(a, b, "matmul")
        require(
            a.shape[a.rank - 1] == b.shape[b.rank - 2],
            "matmul: \(a.shape) and \(b.shape): the inner lengths differ")
        require(
            a.dtype == b.dtype && a.dtype.isFloat,
            "matmul: operands of type \(a.dtype) and \(b.dtype)")
        // A shared right operand makes a batch of rows one tall matrix.
        if a.rank > 2 && b.rank == 2,
            let flat = a.layout.reshaped(to: [a.shape.dropLast().reduce(1, *), a.shape[a.rank - 1]])
        {
            let y = product(a.view(flat), b, bias: bias, activation: activation, as: type)
            return y.reshaped(Array(a.shape.dropLast()) + [b.shape[1]])
        }
        let (m, n) = (a.shape[a.rank - 2], b.shape[b.rank - 1])
        var call: Matmul
        if a.rank == 2 && b.rank == 2 {
            call = Matmul(
                a: a, b: b, result: uninitialized([m, n], type ?? a.dtype, on: backend))
        } else {
            let batch = broadcastShape(
                Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)), "matmul")
            call = Matmul(
                a: a.expanded(to: batch + a.shape.suffix(2)),
                b: b.expanded(to: batch + b.shape.suffix(2)),
                result: uninitialized(batch + [m, n], type ?? a.dtype, on: backend))
        }
        let y = call.result
        call.bias = bias.map { $0.cast(to: .f32).contiguous() }
        call.activation = activation
        if y.count > 0 { backend.matmul(call) }
        return y
    }
}
