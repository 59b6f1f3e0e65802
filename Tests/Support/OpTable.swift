import Files
import Tensors

/// Every op of the conformance data by its name there, as a call of the tensor API.
let opTable: [String: OpBody] = elementwiseOps.merging(
    reductionOps, uniquingKeysWith: { a, _ in a }
)
.merging(movementOps, uniquingKeysWith: { a, _ in a })
.merging(networkOps, uniquingKeysWith: { a, _ in a })
.merging(pictureOps, uniquingKeysWith: { a, _ in a })
.merging(lossOps, uniquingKeysWith: { a, _ in a })
.merging(linalgOps, uniquingKeysWith: { a, _ in a })
.merging(lowPrecisionOps, uniquingKeysWith: { a, _ in a })

/// An op of one tensor x with one output y.
private func unary(_ body: @escaping @Sendable (Tensor) -> Tensor) -> OpBody {
    { ["y": body(try $0["x"])] }
}

private func binary(_ body: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> OpBody {
    { ["y": body(try $0["a"], try $0["b"])] }
}

private let elementwiseOps: [String: OpBody] = [
    "add": binary { $0 + $1 }, "sub": binary { $0 - $1 }, "mul": binary { $0 * $1 },
    "div": binary { $0 / $1 },
    "pow": binary { $0.raised(to: $1) },
    "maximum": binary { maximum($0, $1) }, "minimum": binary { minimum($0, $1) },
    "eq": binary { $0.equal($1) }, "ne": binary { $0.notEqual($1) }, "lt": binary { $0.less($1) },
    "le": binary { $0.lessEqual($1) }, "gt": binary { $0.greater($1) },
    "ge": binary { $0.greaterEqual($1) },
    "exp": unary { exp($0) }, "log": unary { log($0) }, "log1p": unary { log1p($0) },
    "expm1": unary { expm1($0) },
    "sqrt": unary { sqrt($0) }, "rsqrt": unary { rsqrt($0) },
    "reciprocal": unary { $0.reciprocal() },
    "square": unary { $0.squared() }, "abs": unary { abs($0) }, "neg": unary { -$0 },
    "sin": unary { sin($0) },
    "cos": unary { cos($0) }, "erf": unary { erf($0) }, "sign": unary { $0.sign() },
    "floor": unary { floor($0) },
    "ceil": unary { ceil($0) }, "round": unary { $0.rounded() },
    "add_scalar": { ["y": try $0["x"] + $0.float("value")] },
    "mul_scalar": { ["y": try $0["x"] * $0.float("value")] },
    "rsub_scalar": { ["y": try $0.float("value") - $0["x"]] },
    "rdiv_scalar": { ["y": try $0.float("value") / $0["x"]] },
    "pow_scalar": { ["y": try $0["x"].raised(to: $0.float("exponent"))] },
    "clamp": {
        [
            "y": try $0["x"].clamped(
                min: $0.optionalFloat("min") ?? -.infinity,
                max: $0.optionalFloat("max") ?? .infinity)
        ]
    },
    "where": { ["y": Tensor.select(try $0["condition"], try $0["a"], try $0["b"])] },
    "masked_fill": { ["y": try $0["x"].masked($0["mask"], with: $0.float("value"))] },
    "relu": unary { $0.relu() },
    "leaky_relu": { ["y": try $0["x"].leakyRelu(slope: $0.float("slope"))] },
    "elu": { ["y": try $0["x"].elu(alpha: $0.float("alpha"))] },
    "gelu": { ["y": try $0["x"].gelu(approximate: $0.string("approximate") == "tanh")] },
    "silu": unary { $0.silu() }, "sigmoid": unary { $0.sigmoid() }, "tanh": unary { tanh($0) },
    "softplus": { ["y": try $0["x"].softplus(beta: $0.float("beta"))] },
    "mish": unary { $0.mish() },
    "glu": { ["y": try $0["x"].glu(axis: $0.int("axis"))] },
    "swiglu": { ["y": try $0["gate"].swiglu($0["up"])] },
    "geglu": {
        ["y": try $0["gate"].geglu($0["up"], approximate: $0.string("approximate") == "tanh")]
    },
    "dropout": { ["y": try $0["x"].dropout(mask: $0["mask"], p: $0.float("p"))] },
]

/// A reduction over `axes`, which may be null.
private func reduction(_ body: @escaping @Sendable (Tensor, [Int]?, Bool) -> Tensor) -> OpBody {
    { ["y": body(try $0["x"], $0.ints("axes"), $0.bool("keepdims"))] }
}

private let reductionOps: [String: OpBody] = [
    "sum": reduction { $0.sum(axes: $1, keepDims: $2) },
    "mean": reduction { $0.mean(axes: $1, keepDims: $2) },
    "max": reduction { $0.max(axes: $1, keepDims: $2) },
    "min": reduction { $0.min(axes: $1, keepDims: $2) },
    "logsumexp": reduction { $0.logSumExp(axes: $1, keepDims: $2) },
    "prod": { ["y": try $0["x"].product(axis: $0.int("axis"), keepDims: $0.bool("keepdims"))] },
    "argmax": {
        ["y": try $0["x"].argmax(axis: $0.params["axis"]?.int, keepDims: $0.bool("keepdims"))]
    },
    "argmin": {
        ["y": try $0["x"].argmin(axis: $0.params["axis"]?.int, keepDims: $0.bool("keepdims"))]
    },
    "var": {
        [
            "y": try $0["x"].variance(
                axes: $0.ints("axes"), correction: $0.float("correction"),
                keepDims: $0.bool("keepdims"))
        ]
    },
    "std": {
        [
            "y": try $0["x"].standardDeviation(
                axes: $0.ints("axes"), correction: $0.float("correction"),
                keepDims: $0.bool("keepdims"))
        ]
    },
    "norm": {
        let p = $0.string("p") == "inf" ? Float.infinity : try $0.float("p")
        return ["y": try $0["x"].norm(p, axes: $0.ints("axes"), keepDims: $0.bool("keepdims"))]
    },
    "cumsum": { ["y": try $0["x"].cumulativeSum(axis: $0.int("axis"))] },
    "sort": {
        let (values, indices) = try $0["x"].sorted(
            axis: $0.int("axis"), descending: $0.bool("descending"))
        return ["values": values, "indices": indices]
    },
    "topk": {
        let (values, indices) = try $0["x"].top(
            $0.int("k"), axis: $0.int("axis"), largest: $0.bool("largest"))
        return ["values": values, "indices": indices]
    },
]

/// x0, x1, … in order.
private func list(_ inputs: OpInputs) -> [Tensor] {
    (0...).lazy.map { inputs.optional("x\($0)") }.prefix { $0 != nil }.compactMap { $0 }
}

private func numbered(_ tensors: [Tensor]) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ("y\($0)", $1) })
}

private let movementOps: [String: OpBody] = [
    "permute": { ["y": try $0["x"].permuted($0.ints("axes") ?? [])] },
    "transpose": { ["y": try $0["x"].transposed($0.int("axis0"), $0.int("axis1"))] },
    "reshape": { ["y": try $0["x"].reshaped($0.ints("shape") ?? [])] },
    "expand": { ["y": try $0["x"].expanded(to: $0.ints("shape") ?? [])] },
    "repeat": { ["y": try $0["x"].repeated($0.ints("times") ?? [])] },
    "repeat_interleave": {
        ["y": try $0["x"].repeatedInterleaved($0.int("times"), axis: $0.int("axis"))]
    },
    "flip": { ["y": try $0["x"].flipped($0.ints("axes") ?? [])] },
    "roll": { ["y": try $0["x"].rolled($0.ints("shifts") ?? [], axes: $0.ints("axes") ?? [])] },
    "tril": { ["y": try $0["x"].lowerTriangle($0.int("diagonal"))] },
    "triu": { ["y": try $0["x"].upperTriangle($0.int("diagonal"))] },
    "concat": { ["y": Tensor.concatenated(list($0), axis: try $0.int("axis"))] },
    "stack": { ["y": Tensor.stacked(list($0), axis: try $0.int("axis"))] },
    "split": {
        let (x, axis) = (try $0["x"], try $0.int("axis"))
        guard let size = $0.params["sizes"]?.int else {
            return numbered(x.split($0.ints("sizes") ?? [], axis: axis))
        }
        let length = x.shape[axis < 0 ? axis + x.rank : axis]
        return numbered(
            x.split(
                stride(from: 0, to: length, by: size).map { min(size, length - $0) }, axis: axis))
    },
    "chunk": { numbered(try $0["x"].chunked($0.int("count"), axis: $0.int("axis"))) },
    "slice": {
        let slices = ($0.params["slices"]?.array ?? []).map(\.array)
        return [
            "y": try $0["x"][slices.map { .by($0?[2].int ?? 1, from: $0?[0].int, to: $0?[1].int) }]
        ]
    },
    "gather": { ["y": try $0["x"].gathering($0["index"], axis: $0.int("axis"))] },
    "take_along": { ["y": try $0["x"].takingAlong($0["index"], axis: $0.int("axis"))] },
    "index_select": { ["y": try $0["x"].selecting($0["index"], axis: $0.int("axis"))] },
    "scatter_add": {
        ["y": try $0["x"].scatteringAdd($0["index"], $0["src"], axis: $0.int("axis"))]
    },
    "embedding": {
        ["y": try $0["weight"].embedding($0["ids"], padding: $0.params["padding_idx"]?.int)]
    },
    "one_hot": { ["y": try $0["ids"].oneHot($0.int("classes"))] },
    "pad": { inputs in
        let x = try inputs["x"]
        let flat = inputs.ints("pads") ?? []
        let pads = (0..<x.rank).map { axis -> (before: Int, after: Int) in
            let at = 2 * (x.rank - 1 - axis)
            return at + 1 < flat.count ? (flat[at], flat[at + 1]) : (0, 0)
        }
        switch inputs.string("mode") {
        case "reflect": return ["y": x.padded(pads, mode: .reflect)]
        case "replicate": return ["y": x.padded(pads, mode: .replicate)]
        default: return ["y": x.padded(pads, mode: .constant(try inputs.float("value")))]
        }
    },
]
