import Files
import Tensors

let lossOps: [String: OpBody] = [
    "mse": { ["y": try $0["input"].mseLoss($0["target"], reduction: $0.reduction)] },
    "l1": { ["y": try $0["input"].l1Loss($0["target"], reduction: $0.reduction)] },
    "smooth_l1": {
        [
            "y": try $0["input"].smoothL1Loss(
                $0["target"], beta: $0.float("beta"), reduction: $0.reduction)
        ]
    },
    "bce_with_logits": {
        [
            "y": try $0["input"].bceWithLogitsLoss(
                $0["target"], weight: $0.optional("weight"),
                positiveWeight: $0.optional("pos_weight"), reduction: $0.reduction)
        ]
    },
    "bce": { ["y": try $0["input"].bceLoss($0["target"], reduction: $0.reduction)] },
    "cross_entropy": {
        [
            "y": try $0["input"].crossEntropy(
                $0["target"], weight: $0.optional("weight"), ignoring: $0.int("ignore_index"),
                smoothing: $0.float("label_smoothing"), reduction: $0.reduction)
        ]
    },
    "soft_cross_entropy": { ["y": try $0["input"].softCrossEntropy($0["target"])] },
    "nll": {
        [
            "y": try $0["input"].nllLoss(
                $0["target"], weight: $0.optional("weight"), ignoring: $0.int("ignore_index"),
                reduction: $0.reduction)
        ]
    },
    "kl_div": {
        [
            "y": try $0["input"].klDivergence(
                $0["target"], logTarget: $0.bool("log_target"), reduction: $0.reduction)
        ]
    },
    "gaussian_kl": {
        ["y": try $0["mu"].gaussianKL(logVariance: $0["logvar"], reduction: $0.reduction)]
    },
    "gaussian_kl_pair": {
        [
            "y": try $0["mu1"].gaussianKL(
                logVariance: $0["logvar1"], mean2: $0["mu2"], logVariance2: $0["logvar2"])
        ]
    },
    "hinge_discriminator": { ["y": try $0["real"].hingeDiscriminatorLoss(fake: $0["fake"])] },
    "hinge_generator": { ["y": try $0["fake"].hingeGeneratorLoss()] },
    "nonsaturating_gan": {
        [
            "d": try $0["real"].nonsaturatingDiscriminatorLoss(fake: $0["fake"]),
            "g": try $0["fake"].nonsaturatingGeneratorLoss(),
        ]
    },
    "gradient_penalty": {
        let (alpha, real) = (try $0["alpha"], try $0["real"])
        let dx = try criticGradient($0, at: alpha * real + (1 - alpha) * $0["fake"])
        let excess = dx.norm(axes: [1]) - 1
        return ["dx": dx, "penalty": excess.squared().mean() * (try $0.float("weight"))]
    },
    "r1_penalty": {
        let dx = try criticGradient($0, at: try $0["real"])
        return [
            "dx": dx, "penalty": dx.squared().sum(axes: [1]).mean() * (try $0.float("weight") / 2),
        ]
    },
    "distillation_kl": {
        [
            "y": try $0["student"].distillationLoss(
                teacher: $0["teacher"], target: $0["target"], temperature: $0.float("temperature"),
                alpha: $0.float("alpha"))
        ]
    },
]

/// dD/dx of the critic D(x) = w2 act(w1 x + b1) + b2, recorded so that it can be differentiated again.
private func criticGradient(_ inputs: OpInputs, at x: Tensor) throws -> Tensor {
    let point = x.detached.tracked
    let hidden = point.linear(try inputs["w1"], bias: try inputs["b1"])
    let active =
        switch inputs.string("activation") {
        case "tanh": tanh(hidden)
        case "silu": hidden.silu()
        default: hidden.leakyRelu(slope: 0.2)
        }
    let score = active.linear(try inputs["w2"], bias: try inputs["b2"])
    return score.sum().gradients(at: [point], createGraph: true)[0]
}

let linalgOps: [String: OpBody] = [
    "cholesky": { ["l": try $0["a"].cholesky(), "y": try $0["a"].cholesky()] },
    "qr": {
        let (q, r) = try $0["a"].qr()
        return ["q": q, "r": r]
    },
    "svd": {
        let (u, s, vh) = try $0["a"].svd()
        return ["u": u, "s": s, "vh": vh]
    },
    "eigh": {
        let (w, v) = try $0["a"].eigh()
        return ["w": w, "v": v]
    },
    "solve": { ["x": try $0["a"].solve($0["b"])] },
    "inverse": { ["y": try $0["a"].inverse()] },
    "det": { ["y": try $0["a"].determinant()] },
    "slogdet": {
        let (sign, logAbs) = try $0["a"].slogdet()
        return ["sign": sign, "logabs": logAbs]
    },
    "sqrt_product_trace": { ["y": try $0["a"].sqrtProductTrace($0["b"])] },
    "frechet_distance": {
        ["y": try $0["mu1"].frechetDistance($0["cov1"], mean2: $0["mu2"], $0["cov2"])]
    },
    "frechet_from_features": {
        let (a, b) = (try $0["x"].meanAndCovariance(), try $0["y"].meanAndCovariance())
        return ["y": try a.mean.frechetDistance(a.covariance, mean2: b.mean, b.covariance)]
    },
]

let lowPrecisionOps: [String: OpBody] = [
    "cast_bf16": {
        let half = try $0["x"].cast(to: .bf16)
        return ["half": half, "back": half.cast(to: .f32)]
    },
    "cast_f16": {
        let half = try $0["x"].cast(to: .f16)
        return ["half": half, "back": half.cast(to: .f32)]
    },
    "int8_rowwise": {
        let q = QuantizedTensor(int8Rows: try $0["x"])
        return ["q": q.parts[0], "scale": q.parts[1], "dequantized": q.dequantized()]
    },
    "int4_groupwise": { groupOutputs(try int4(try $0["x"], $0)) },
    "int8_matmul": {
        let (x, w) = (
            QuantizedTensor(int8Rows: try $0["x"]), QuantizedTensor(int8Rows: try $0["weight"])
        )
        // The accumulator is exact in f32 below 2^24, which the data keep.
        let acc = x.parts[0].cast(to: .f32).matmul(w.parts[0].cast(to: .f32).transposed()).cast(
            to: .i32)
        return [
            "qx": x.parts[0], "sx": x.parts[1], "qw": w.parts[0], "sw": w.parts[1], "acc": acc,
            "y": try $0["x"].matmul(transposed: w),
        ]
    },
    "int4_matmul": {
        let w = try int4(try $0["weight"], $0)
        return groupOutputs(w).merging(
            ["y": try $0["x"].matmul(transposed: w)], uniquingKeysWith: { $1 })
    },
    "bf16_matmul": {
        // Products of bf16 numbers are exact in f32.
        let (a, b) = (
            try $0["a"].cast(to: .bf16).cast(to: .f32), try $0["b"].cast(to: .bf16).cast(to: .f32)
        )
        return ["y": a.matmul(b)]
    },
]

private func int4(_ x: Tensor, _ inputs: OpInputs) throws -> QuantizedTensor {
    QuantizedTensor(
        int4: x, group: try inputs.int("group"), zeroPoint: inputs.string("mode") == "zero_point")
}

private func groupOutputs(_ q: QuantizedTensor) -> [String: Tensor] {
    // Codes one a byte, from the packed pairs (low nibble first).
    let packed = q.parts[0].cast(to: .i32)
    let high = floor(packed.cast(to: .f32) * (1 / 16)).cast(to: .i32)
    let low = packed - high * 16
    let codes = Tensor.stacked([low, high], axis: 2).reshaped([q.rows, q.columns]).cast(to: .u8)
    return [
        "packed": q.parts[0], "q": codes, "scale": q.parts[1], "bias": q.parts[2],
        "zero": q.parts[2].cast(to: .u8),
        "dequantized": q.dequantized(),
    ]
}
