import Files
import Tensors

let networkOps: [String: OpBody] = [
    "matmul": { ["y": try $0["a"].matmul($0["b"])] },
    "linear": { ["y": try $0["x"].linear($0["weight"], bias: $0.optional("bias"))] },
    "softmax": { ["y": try $0["x"].softmax(axis: $0.int("axis"))] },
    "log_softmax": { ["y": try $0["x"].logSoftmax(axis: $0.int("axis"))] },
    "layer_norm": {
        [
            "y": try $0["x"].layerNorm(
                weight: $0.optional("weight"), bias: $0.optional("bias"), axes: $0.int("axes"),
                epsilon: $0.float("eps"))
        ]
    },
    "rms_norm": {
        [
            "y": try $0["x"].rmsNorm(
                weight: $0.optional("weight"), epsilon: $0.float("eps"),
                unitOffset: $0.bool("unit_offset"))
        ]
    },
    "group_norm": {
        let y = channelsLast(try $0["x"]).groupNorm(
            try $0.int("groups"), weight: $0.optional("weight"), bias: $0.optional("bias"),
            epsilon: try $0.float("eps"))
        return ["y": channelsFirst(y)]
    },
    "instance_norm": {
        let y = channelsLast(try $0["x"]).instanceNorm(
            weight: $0.optional("weight"), bias: $0.optional("bias"), epsilon: try $0.float("eps"))
        return ["y": channelsFirst(y)]
    },
    "batch_norm_train": {
        var (mean, variance) = (try $0["running_mean"], try $0["running_var"])
        let y = channelsLast(try $0["x"]).batchNorm(
            runningMean: &mean, runningVariance: &variance, weight: $0.optional("weight"),
            bias: $0.optional("bias"),
            momentum: try $0.float("momentum"), epsilon: try $0.float("eps"))
        return ["y": channelsFirst(y), "running_mean": mean, "running_var": variance]
    },
    "batch_norm_eval": {
        let y = channelsLast(try $0["x"]).batchNorm(
            mean: try $0["running_mean"], variance: try $0["running_var"],
            weight: $0.optional("weight"),
            bias: $0.optional("bias"), epsilon: try $0.float("eps"))
        return ["y": channelsFirst(y)]
    },
    "attention": {
        let causal: Causality =
            switch $0.string("causal") {
            case "top_left": .topLeft
            case "bottom_right": .bottomRight
            default: .none
            }
        let y = try $0["q"].attention(
            $0["k"], $0["v"], mask: $0.optional("mask"), scale: $0.optionalFloat("scale"),
            causal: causal,
            window: $0.params["window"]?.int, softcap: $0.optionalFloat("softcap"))
        return ["y": y]
    },
    "rope": {
        [
            "y": try $0["x"].rope(
                positions: $0["positions"], base: $0.float("base"),
                isInterleaved: $0.string("layout") == "interleaved",
                dims: $0.params["dims"]?.int, scaling: ropeScaling($0.params["scaling"] ?? .null))
        ]
    },
    "sinusoidal_embedding": {
        [
            "y": try $0["t"].sinusoidalEmbedding(
                $0.int("dim"), maxPeriod: Double($0.float("max_period")))
        ]
    },
]

private func ropeScaling(_ json: JSON) -> RopeScaling {
    func number(_ names: String...) -> Float {
        names.compactMap { json[$0]?.double }.first.map { Float($0) } ?? 1
    }
    let kind = json["type"]?.string ?? json["rope_type"]?.string ?? json["kind"]?.string
    switch kind {
    case "linear": return .linear(factor: number("factor"))
    case "llama3":
        return .llama3(
            factor: number("factor"), lowFrequency: number("low", "low_freq_factor"),
            highFrequency: number("high", "high_freq_factor"),
            originalLength: number("original_max_position", "original_max_position_embeddings"))
    default: return .none
    }
}

let pictureOps: [String: OpBody] = [
    "conv1d": {
        [
            "y": channelsFirst(
                channelsLast(try $0["x"]).conv1d(
                    channelsLast(try $0["weight"]), bias: $0.optional("bias"),
                    stride: try $0.int("stride"),
                    padding: try $0.int("padding"), dilation: try $0.int("dilation"),
                    groups: try $0.int("groups")))
        ]
    },
    "conv2d": {
        [
            "y": channelsFirst(
                channelsLast(try $0["x"]).conv2d(
                    channelsLast(try $0["weight"]), bias: $0.optional("bias"),
                    stride: try $0.pair("stride"),
                    padding: try $0.pair("padding"), dilation: try $0.pair("dilation"),
                    groups: try $0.int("groups")))
        ]
    },
    "conv_transpose1d": {
        [
            "y": channelsFirst(
                channelsLast(try $0["x"]).convTranspose1d(
                    channelsLast(try $0["weight"]), bias: $0.optional("bias"),
                    stride: try $0.int("stride"),
                    padding: try $0.int("padding"), outputPadding: try $0.int("output_padding"),
                    dilation: try $0.int("dilation"), groups: try $0.int("groups")))
        ]
    },
    "conv_transpose2d": {
        [
            "y": channelsFirst(
                channelsLast(try $0["x"]).convTranspose2d(
                    channelsLast(try $0["weight"]), bias: $0.optional("bias"),
                    stride: try $0.pair("stride"),
                    padding: try $0.pair("padding"), outputPadding: try $0.pair("output_padding"),
                    dilation: try $0.pair("dilation"), groups: try $0.int("groups")))
        ]
    },
    "max_pool2d": {
        let kernel = try $0.pair("kernel")
        return [
            "y": channelsFirst(
                channelsLast(try $0["x"]).maxPool2d(
                    kernel, stride: (try? $0.pair("stride")) ?? kernel,
                    padding: try $0.pair("padding"),
                    dilation: try $0.pair("dilation"), ceilMode: $0.bool("ceil_mode")))
        ]
    },
    "avg_pool2d": {
        let kernel = try $0.pair("kernel")
        return [
            "y": channelsFirst(
                channelsLast(try $0["x"]).avgPool2d(
                    kernel, stride: (try? $0.pair("stride")) ?? kernel,
                    padding: try $0.pair("padding"),
                    ceilMode: $0.bool("ceil_mode"), countsPadding: $0.bool("count_include_pad")))
        ]
    },
    "adaptive_avg_pool2d": {
        ["y": channelsFirst(channelsLast(try $0["x"]).adaptiveAvgPool2d(try $0.pair("size")))]
    },
    "upsample_nearest": {
        ["y": channelsFirst(channelsLast(try $0["x"]).upsampledNearest(to: try newSize($0)))]
    },
    "upsample_bilinear": {
        ["y": channelsFirst(channelsLast(try $0["x"]).upsampledBilinear(to: try newSize($0)))]
    },
    "pixel_shuffle": {
        ["y": channelsFirst(channelsLast(try $0["x"]).pixelShuffled(try $0.int("factor")))]
    },
]

/// The size itself, or the input's by a scale.
private func newSize(_ inputs: OpInputs) throws -> Pair {
    if let size = try? inputs.pair("size") { return size }
    let x = try inputs["x"]
    let scale = inputs.params["scale"]
    let factors = scale?.array?.compactMap(\.double) ?? [scale?.double ?? 1]
    return Pair(Int(Double(x.shape[2]) * factors[0]), Int(Double(x.shape[3]) * (factors.last ?? 1)))
}
