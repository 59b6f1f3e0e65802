import CApus

extension CPUBackend {
    package func softmax(logarithm: Bool, _ x: Tensor, into y: Tensor) {
        apus_softmax(
            x.dtype.c, logarithm, Int64(x.shape[0]), Int64(x.shape[1]), x.address, y.address)
    }

    package func softmaxGradient(logarithm: Bool, _ y: Tensor, _ g: Tensor, into dx: Tensor) {
        apus_softmax_gradient(
            y.dtype.c, logarithm, Int64(y.shape[0]), Int64(y.shape[1]), y.address, g.address,
            dx.address)
    }

    package func normalize(
        _ n: Normalization, _ x: Tensor, into y: Tensor, statistics s: NormalizationStatistics
    ) {
        let shape = x.shape.map(Int64.init)
        let (weight, bias): (UnsafePointer<Float>?, UnsafePointer<Float>?) = n.pointers
        switch n.kind {
        case .layer:
            apus_layer_norm(
                x.dtype.c, shape[0], shape[1], n.epsilon, x.address, weight, bias, y.address,
                s.mean.pointer(), s.rstd.pointer())
        case .rms(let offset):
            apus_rms_norm(
                x.dtype.c, shape[0], shape[1], n.epsilon, offset, x.address, weight, y.address,
                s.rstd.pointer())
        case .group(let groups, let activation):
            apus_group_norm(
                x.dtype.c, shape[0], shape[1], shape[2], Int64(groups), n.epsilon, activation.c,
                x.address, weight, bias, y.address, s.mean.pointer(), s.rstd.pointer())
        }
    }

    package func normalizeGradient(
        _ n: Normalization, _ x: Tensor, statistics s: NormalizationStatistics, _ g: Tensor,
        into d: NormalizationGradients
    ) {
        let shape = x.shape.map(Int64.init)
        let (weight, bias): (UnsafePointer<Float>?, UnsafePointer<Float>?) = n.pointers
        switch n.kind {
        case .layer:
            apus_layer_norm_gradient(
                x.dtype.c, shape[0], shape[1], x.address, weight, s.mean.pointer(),
                s.rstd.pointer(), g.address,
                d.x?.address, d.weight?.pointer(), d.bias?.pointer())
        case .rms(let offset):
            apus_rms_norm_gradient(
                x.dtype.c, shape[0], shape[1], offset, x.address, weight, s.rstd.pointer(),
                g.address,
                d.x?.address, d.weight?.pointer())
        case .group(let groups, let activation):
            apus_group_norm_gradient(
                x.dtype.c, shape[0], shape[1], shape[2], Int64(groups), activation.c, x.address,
                weight, bias, s.mean.pointer(), s.rstd.pointer(), g.address, d.x?.address,
                d.weight?.pointer(), d.bias?.pointer())
        }
    }

    package func crossEntropy(_ c: CrossEntropy, loss: Tensor, logSumExp: Tensor, rowWeight: Tensor)
    {
        apus_cross_entropy(
            c.logits.dtype.c, Int64(c.logits.shape[0]), Int64(c.logits.shape[1]), c.logits.address,
            c.targets.pointer(),
            c.weight?.pointer(), Int32(c.ignoring), c.smoothing, loss.pointer(),
            logSumExp.pointer(), rowWeight.pointer())
    }

    package func crossEntropyGradient(
        _ c: CrossEntropy, logSumExp: Tensor, scale: Tensor, into dlogits: Tensor
    ) {
        apus_cross_entropy_gradient(
            c.logits.dtype.c, Int64(c.logits.shape[0]), Int64(c.logits.shape[1]), c.logits.address,
            c.targets.pointer(),
            c.weight?.pointer(), Int32(c.ignoring), c.smoothing, logSumExp.pointer(),
            scale.pointer(),
            scale.count == 1 ? 0 : 1, dlogits.address)
    }
}

extension Normalization {
    fileprivate var pointers: (UnsafePointer<Float>?, UnsafePointer<Float>?) {
        (weight.map { UnsafePointer($0.pointer()) }, bias.map { UnsafePointer($0.pointer()) })
    }
}
