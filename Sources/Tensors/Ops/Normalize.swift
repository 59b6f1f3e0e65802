// Layer, RMS, group, instance and batch normalisation. Pictures are channels-last: (N, …, C).

extension Tensor {
    /// Over the last `axes` axes: (x - mean) / sqrt(variance + epsilon) · weight + bias, with the biased variance.
    public func layerNorm(
        weight: Tensor? = nil, bias: Tensor? = nil, axes: Int = 1, epsilon: Float = 1e-5
    ) -> Tensor {
        require(axes >= 1 && axes <= rank, "layerNorm: over \(axes) axes of \(shape)")
        let columns = Array(shape.suffix(axes))
        for parameter in [weight, bias].compactMap({ $0 }) {
            require(
                parameter.shape == columns,
                "layerNorm: a parameter of shape \(parameter.shape) for \(shape)")
        }
        let rows = [shape.dropLast(axes).reduce(1, *), columns.reduce(1, *)]
        let n = Normalization(
            kind: .layer, epsilon: epsilon, weight: weight?.parameter, bias: bias?.parameter)
        return normalized(n, as: rows, statistics([rows[0]]), weight, bias) { x, weight, bias in
            let over = Array(-axes..<0)
            let centred = x - x.mean(axes: over, keepDims: true)
            let y = centred * rsqrt(centred.squared().mean(axes: over, keepDims: true) + epsilon)
            return y.scaled(weight, bias)
        }
    }

    /// Over the last axis: x / sqrt(mean(x²) + epsilon) · weight; with `unitOffset` · (1 + weight).
    public func rmsNorm(weight: Tensor? = nil, epsilon: Float = 1e-6, unitOffset: Bool = false)
        -> Tensor
    {
        let columns = shape[axis(-1, "rmsNorm")]
        require(
            weight == nil || weight?.shape == [columns],
            "rmsNorm: a weight of shape \(weight?.shape ?? []) for \(shape)")
        let rows = [columns == 0 ? 0 : count / columns, columns]
        let kind = Normalization.Kind.rms(offset: unitOffset ? 1 : 0)
        let n = Normalization(kind: kind, epsilon: epsilon, weight: weight?.parameter, bias: nil)
        let rstd = result([rows[0]], .f32)
        let statistics = NormalizationStatistics(mean: rstd, rstd: rstd)
        return normalized(n, as: rows, statistics, weight, nil) { x, weight, _ in
            let y = x * rsqrt(x.squared().mean(axes: [-1], keepDims: true) + epsilon)
            return y.scaled(unitOffset ? weight.map { $0 + 1 } : weight, nil)
        }
    }

    /// x (N, …, C): layer norm over each group of adjacent channels and all positions; weight, bias (C). Then the activation.
    public func groupNorm(
        _ groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Float = 1e-5,
        activation: Activation = .none
    ) -> Tensor {
        require(rank >= 2, "groupNorm: a tensor of shape \(shape), not (N, …, C)")
        let (n, channels) = (shape[0], shape[rank - 1])
        require(
            groups > 0 && channels % groups == 0,
            "groupNorm: \(channels) channels in \(groups) groups")
        if activation != .none && activation != .silu {
            return groupNorm(groups, weight: weight, bias: bias, epsilon: epsilon).activated(
                activation)
        }
        let call = Normalization(
            kind: .group(groups, activation: activation), epsilon: epsilon,
            weight: weight?.parameter, bias: bias?.parameter)
        let flat = [n, shape.dropFirst().dropLast().reduce(1, *), channels]
        return normalized(call, as: flat, statistics([n, groups]), weight, bias) {
            x, weight, bias in
            let split = x.reshaped([n, -1, groups, channels / groups])
            let centred = split - split.mean(axes: [1, 3], keepDims: true)
            let y = centred * rsqrt(centred.squared().mean(axes: [1, 3], keepDims: true) + epsilon)
            return y.reshaped(x.shape).scaled(weight, bias).activated(activation)
        }
    }

    /// x (N, …, C): every channel of every sample over its positions.
    public func instanceNorm(weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Float = 1e-5)
        -> Tensor
    {
        groupNorm(shape[axis(-1, "instanceNorm")], weight: weight, bias: bias, epsilon: epsilon)
    }

    /// x (N, …, C) with its own statistics per channel, and the running statistics moved towards them:
    /// running = (1 - momentum) running + momentum · batch, with the unbiased batch variance.
    public func batchNorm(
        runningMean: inout Tensor, runningVariance: inout Tensor, weight: Tensor? = nil,
        bias: Tensor? = nil,
        momentum: Float = 0.1, epsilon: Float = 1e-5
    ) -> Tensor {
        let channels = shape[axis(-1, "batchNorm")]
        require(count > 0, "batchNorm: statistics of no numbers: \(shape)")
        let each = count / channels
        // A group norm of one sample, whose groups are the channels.
        let call = Normalization(
            kind: .group(channels, activation: .none), epsilon: epsilon, weight: weight?.parameter,
            bias: bias?.parameter)
        let statistics = statistics([1, channels])
        let y = normalized(call, as: [1, each, channels], statistics, weight, bias) {
            x, weight, bias in
            let over = Array(0..<x.rank - 1)
            let centred = x - x.mean(axes: over)
            let y = centred * rsqrt(centred.squared().mean(axes: over) + epsilon)
            return y.scaled(weight, bias)
        }
        let (mean, rstd) = (statistics.mean.squeezed(0), statistics.rstd.squeezed(0))
        let variance = (rstd.raised(to: -2) - epsilon).clamped(min: 0)
        let unbiased = variance * (Float(each) / Float(each - 1))
        runningMean = runningMean * (1 - momentum) + mean * momentum
        runningVariance = runningVariance * (1 - momentum) + unbiased * momentum
        return y
    }

    /// x (N, …, C) with given statistics per channel.
    public func batchNorm(
        mean: Tensor, variance: Tensor, weight: Tensor? = nil, bias: Tensor? = nil,
        epsilon: Float = 1e-5
    ) -> Tensor {
        ((self - mean) * rsqrt(variance + epsilon)).scaled(weight, bias)
    }

    private func scaled(_ weight: Tensor?, _ bias: Tensor?) -> Tensor {
        var y = self
        if let weight { y = y * weight.cast(to: dtype) }
        if let bias { y = y + bias.cast(to: dtype) }
        return y
    }

    /// Room for the mean and 1 / deviation of each group.
    private func statistics(_ groups: [Int]) -> NormalizationStatistics {
        NormalizationStatistics(mean: result(groups, .f32), rstd: result(groups, .f32))
    }

    /// As the kernels take weights and biases.
    private var parameter: Tensor { detached.cast(to: .f32).contiguous() }

    private func normalized(
        _ n: Normalization, as shape: [Int], _ statistics: NormalizationStatistics,
        _ weight: Tensor?, _ bias: Tensor?,
        definition: @escaping @Sendable (Tensor, Tensor?, Tensor?) -> Tensor
    ) -> Tensor {
        let x = detached.contiguous().reshaped(shape)
        let y = result(shape)
        if y.count > 0 { backend.normalize(n, x, into: y, statistics: statistics) }
        return y.reshaped(self.shape).fused(
            from: [self] + [weight, bias].compactMap { $0 }
        ) { inputs in
            definition(
                inputs[0], weight.map { _ in inputs[1] }, bias.map { _ in inputs[inputs.count - 1] }
            )
        } gradient: { [own = self.shape] g in
            let dx = x.result()
            let dweight = weight.map { x.result([$0.count], .f32) }
            let dbias = bias.map { x.result([$0.count], .f32) }
            let into = NormalizationGradients(x: dx, weight: dweight, bias: dbias)
            let rows = g.contiguous().reshaped(shape)
            if x.count > 0 {
                x.backend.normalizeGradient(n, x, statistics: statistics, rows, into: into)
            }
            return [dx.reshaped(own)]
                + zip([dweight, dbias], [weight, bias]).compactMap { d, p in
                    p.map { d?.reshaped($0.shape).cast(to: $0.dtype) }
                }
        }
    }
}
