// Losses. Each is a composition of basic ops, but for the softmax cross-entropy, which is fused.

/// How the losses of many elements become one number.
public enum Reduction: Sendable {
    case none, mean, sum
    /// The sum divided by the length of the first axis.
    case batchMean
}

extension Tensor {
    package func reduced(_ reduction: Reduction) -> Tensor {
        switch reduction {
        case .none: self
        case .mean: mean()
        case .sum: sum()
        case .batchMean: sum() / Float(shape.first ?? 1)
        }
    }

    /// (x - target)²
    public func mseLoss(_ target: Tensor, reduction: Reduction = .mean) -> Tensor {
        (self - target).squared().reduced(reduction)
    }

    /// |x - target|
    public func l1Loss(_ target: Tensor, reduction: Reduction = .mean) -> Tensor {
        abs(self - target).reduced(reduction)
    }

    /// d²/ (2 β) where |d| < β, else |d| - β / 2.
    public func smoothL1Loss(_ target: Tensor, beta: Float = 1, reduction: Reduction = .mean)
        -> Tensor
    {
        let d = self - target
        let distance = abs(d)
        return Tensor.select(distance.less(beta), d.squared() / (2 * beta), distance - beta / 2)
            .reduced(reduction)
    }

    /// d² / 2 where |d| < δ, else δ (|d| - δ / 2).
    public func huberLoss(_ target: Tensor, delta: Float = 1, reduction: Reduction = .mean)
        -> Tensor
    {
        smoothL1Loss(target, beta: delta, reduction: reduction) * delta
    }

    /// -weight (positiveWeight y log σ(x) + (1 - y) log(1 - σ(x))) for logits x, stable for large |x|.
    public func bceWithLogitsLoss(
        _ target: Tensor, weight: Tensor? = nil, positiveWeight: Tensor? = nil,
        reduction: Reduction = .mean
    ) -> Tensor {
        let loss: Tensor
        if let positiveWeight {
            let positive = target * (-self).softplus() * positiveWeight
            loss = positive + (1 - target) * softplus()
        } else {
            // softplus(-x) = softplus(x) - x: one function of x instead of two.
            loss = Tensor.binary(.logisticLoss, self, target, "bceWithLogitsLoss")
        }
        return (weight.map { loss * $0 } ?? loss).reduced(reduction)
    }

    /// -(y log p + (1 - y) log(1 - p)) for probabilities p; logarithms do not fall below -100.
    public func bceLoss(_ target: Tensor, reduction: Reduction = .mean) -> Tensor {
        let (yes, no) = (log(self).clamped(min: -100), log(1 - self).clamped(min: -100))
        return (-(target * yes + (1 - target) * no)).reduced(reduction)
    }

    /// For targets that are probabilities (n, c): the mean over n of -Σ target log softmax(x).
    public func softCrossEntropy(_ target: Tensor) -> Tensor {
        -(target * logSoftmax(axis: -1)).sum(axes: [-1]).mean()
    }

    /// x holds log q, target p (or log p): p (log p - log q), 0 where p = 0.
    public func klDivergence(
        _ target: Tensor, logTarget: Bool = false, reduction: Reduction = .batchMean
    ) -> Tensor {
        if logTarget { return (exp(target) * (target - self)).reduced(reduction) }
        let positive = target.greater(0)
        let safe = Tensor.select(positive, target, target.constant(1))
        return (Tensor.select(positive, target * log(safe), target * 0) - target * self).reduced(
            reduction)
    }

    /// KL(N(self, e^logvar) || N(0, 1)).
    public func gaussianKL(logVariance: Tensor, reduction: Reduction = .batchMean) -> Tensor {
        let (x, y) = (detached, logVariance.detached)
        @Sendable func divergence(_ x: Tensor, _ y: Tensor) -> Tensor {
            (x.squared() + exp(y) - y - 1) * 0.5
        }
        return divergence(x, y).fused(from: [self, logVariance]) {
            divergence($0[0], $0[1])
        } gradient: { g in
            [x * g, expm1(y) * 0.5 * g]
        }.reduced(reduction)
    }

    /// KL(N(self, e^logvar) || N(mean2, e^logvar2)) per element.
    public func gaussianKL(logVariance: Tensor, mean2: Tensor, logVariance2: Tensor) -> Tensor {
        let spread = (exp(logVariance) + (self - mean2).squared()) / exp(logVariance2)
        return (logVariance2 - logVariance + spread - 1) * 0.5
    }

    /// mean(relu(1 - real)) + mean(relu(1 + fake)) for logits self = real.
    public func hingeDiscriminatorLoss(fake: Tensor) -> Tensor {
        (1 - self).relu().mean() + (1 + fake).relu().mean()
    }

    /// -mean(fake) for logits self = fake.
    public func hingeGeneratorLoss() -> Tensor { -mean() }

    /// mean(softplus(-real)) + mean(softplus(fake)) for logits self = real.
    public func nonsaturatingDiscriminatorLoss(fake: Tensor) -> Tensor {
        (-self).softplus().mean() + fake.softplus().mean()
    }

    /// mean(softplus(-fake)) for logits self = fake.
    public func nonsaturatingGeneratorLoss() -> Tensor { (-self).softplus().mean() }

    /// α T² KL(softmax(teacher / T) || softmax(self / T)) + (1 - α) crossEntropy(self, target).
    public func distillationLoss(
        teacher: Tensor, target: Tensor, temperature: Float = 2, alpha: Float = 0.5
    ) -> Tensor {
        let student = (self / temperature).logSoftmax()
        let soft = student.klDivergence((teacher / temperature).logSoftmax(), logTarget: true)
        return soft * (alpha * temperature * temperature) + crossEntropy(target) * (1 - alpha)
    }
}

// MARK: class targets

extension Tensor {
    /// Logits (n, c) or (n, c, …) against class ids (n) or (n, …): -w_y log p_y with label smoothing; the mean divides by the sum of the
    /// weights of targets that are not ignored.
    public func crossEntropy(
        _ target: Tensor, weight: Tensor? = nil, ignoring: Int = -100, smoothing: Float = 0,
        reduction: Reduction = .mean
    ) -> Tensor {
        let logits = classesLast("crossEntropy", target)
        let call = CrossEntropy(
            logits: logits.detached.asRows(),
            targets: target.detached.reshaped([target.count]).contiguous(),
            weight: weight?.detached.cast(to: .f32).contiguous(), ignoring: ignoring,
            smoothing: smoothing)
        let rows = target.count
        let (loss, lse, rowWeight) = (
            result([rows], .f32), result([rows], .f32), result([rows], .f32)
        )
        if rows > 0 { backend.crossEntropy(call, loss: loss, logSumExp: lse, rowWeight: rowWeight) }
        let each = loss.fused(from: [logits]) { inputs in
            crossEntropyDefinition(call, inputs[0].asRows(), rowWeight)
        } gradient: { g in
            let dlogits = call.logits.result()
            if rows > 0 {
                dlogits.backend.crossEntropyGradient(
                    call, logSumExp: lse, scale: g.detached.scaleOfRows, into: dlogits)
            }
            return [dlogits.reshaped(logits.shape)]
        }
        switch reduction {
        case .none: return each.reshaped(target.shape)
        case .mean: return each.sum() / rowWeight.sum()
        default: return each.reduced(reduction)
        }
    }

    /// One number if all rows share it (a broadcast), else one a row.
    private var scaleOfRows: Tensor {
        layout.strides.allSatisfy { $0 == 0 }
            ? sliced(axis: 0, start: 0, count: Swift.min(1, count)).contiguous() : contiguous()
    }

    /// Log-probabilities (n, c) against class ids: -w_y x_y; the mean divides by the sum of the weights not ignored.
    public func nllLoss(
        _ target: Tensor, weight: Tensor? = nil, ignoring: Int = -100, reduction: Reduction = .mean
    ) -> Tensor {
        let x = classesLast("nllLoss", target)
        let kept = target.notEqual(Tensor.full([], Float(ignoring), dtype: .i32, on: device))
        let safe = Tensor.select(kept, target, target * 0)
        let weights = (weight ?? Tensor.ones([x.shape[x.rank - 1]], on: device)).selecting(
            safe.reshaped([safe.count]))
        let rowWeight = Tensor.select(kept.reshaped([kept.count]), weights, weights * 0)
        let picked = x.reshaped([target.count, x.shape[x.rank - 1]])
            .gathering(safe.reshaped([target.count, 1]), axis: 1).squeezed(1)
        let each = -(picked * rowWeight)
        switch reduction {
        case .none: return each.reshaped(target.shape)
        case .mean: return each.sum() / rowWeight.sum()
        default: return each.reduced(reduction)
        }
    }

    /// (n, c, …) with the classes at the end; the target must be (n, …) of i32.
    private func classesLast(_ op: StaticString, _ target: Tensor) -> Tensor {
        var rest = shape
        if rank >= 2 { rest.remove(at: 1) }
        require(
            rank >= 2 && target.shape == rest && target.dtype == .i32,
            "\(op): targets of shape \(target.shape) \(target.dtype) do not fit logits of shape \(shape)"
        )
        return rank == 2 ? self : permuted([0] + Array(2..<rank) + [1])
    }
}

/// The loss of each row in basic ops: logits (rows, c), rowWeight (rows).
private func crossEntropyDefinition(_ c: CrossEntropy, _ logits: Tensor, _ rowWeight: Tensor)
    -> Tensor
{
    let classes = logits.shape[1]
    let kept = c.targets.notEqual(
        Tensor.full([], Float(c.ignoring), dtype: .i32, on: logits.device))
    let safe = Tensor.select(kept, c.targets, c.targets * 0)
    let logp = logits.cast(to: .f32).logSoftmax()
    let picked = logp.gathering(safe.expandingAxis(1), axis: 1).squeezed(1)
    let hard = -(picked * rowWeight)
    guard c.smoothing > 0 else { return hard }
    let weighted = c.weight.map { logp * $0 } ?? logp
    let spread = Tensor.select(kept, -weighted.sum(axes: [1]), picked.constant(0))
    return hard * (1 - c.smoothing) + spread * (c.smoothing / Float(classes))
}
