// The arguments of the backend's ops: one small value for each family.

/// Where the values of a new tensor come from.
package enum Generator: Sendable {
    case constant(Double)
    case iota(start: Double, step: Double)
    case random(Distribution, seed: UInt64, stream: UInt64)
}

package enum Distribution: Sendable {
    case bits
    case uniform(low: Float, high: Float)
    case normal(mean: Float, deviation: Float)
    case bernoulli(probability: Float)
}

/// A function of one number, with its parameters.
package enum UnaryOp: Sendable, Hashable {
    case exp, log, log1p, expm1, sqrt, rsqrt, reciprocal, square
    case abs, neg, sin, cos, erf, tanh, sigmoid
    case softplus(beta: Float)
    case relu
    case leakyRelu(slope: Float)
    case elu(alpha: Float)
    case gelu, geluTanh, silu, mish
    case addScalar(Float), mulScalar(Float), rsubScalar(Float), rdivScalar(Float), powScalar(Float)
    case clamp(min: Float, max: Float)
    case sign, floor, ceil, round, not, isFinite
}

/// A function of two numbers.
package enum BinaryOp: Int32, Sendable {
    case add, sub, mul, div, pow, maximum, minimum
    case eq, ne, lt, le, gt, ge, and, or
    case siluMul, geluMul, geluTanhMul, sigmoidMul
    /// log(1 + e^x) - x y, and its slope in x: σ(x) - y
    case logisticLoss, sigmoidSub

    var isComparison: Bool { rawValue >= BinaryOp.eq.rawValue && rawValue <= BinaryOp.or.rawValue }
}

package enum ReduceOp: Int32, Sendable {
    case sum, mean, max, min, prod, sumOfSquares, sumOfAbs, maxOfAbs, logSumExp, any, all
}

/// What happens to a product before it is stored.
public enum Activation: Int32, Sendable {
    case none, relu, gelu, geluTanh, silu
}

/// result = activation(alpha · a b + bias) + residual, batch by batch. a (…, m, k), b (…, k, n): any strides, one batch shape;
/// result and residual (…, m, n) contiguous; bias (n) f32 contiguous.
package struct Matmul: Sendable {
    package var a: Tensor
    package var b: Tensor
    package var result: Tensor
    package var alpha: Float = 1
    package var bias: Tensor?
    package var activation = Activation.none
    package var residual: Tensor?

    package init(a: Tensor, b: Tensor, result: Tensor) {
        self.a = a
        self.b = b
        self.result = result
    }
}

/// The geometry of a 2-D convolution: x (n, h, w, cin), weight (cout, kh, kw, cin / groups), y (n, oh, ow, cout), contiguous.
package struct Convolution: Sendable, Hashable {
    package var n, h, w, cin, cout, kh, kw, oh, ow: Int
    package var strideH, strideW, padH, padW, dilationH, dilationW, groups: Int
}

/// Which of a convolution's three products is wanted, and from what.
package enum ConvolutionPass: Sendable {
    case forward(
        x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?)
    /// From the gradient of y; with a bias (cin) this is the transposed convolution.
    case inputGradient(g: Tensor, weight: Tensor, bias: Tensor?)
    /// In the operands' type or in f32.
    case weightGradient(x: Tensor, g: Tensor)
}

/// q (b, hq, tq, d), k (b, hk, tk, d), v (b, hk, tk, dv), any strides; mask expanded to (b, hq, tq, tk).
package struct Attention: Sendable {
    package var q, k, v: Tensor
    package var mask: Tensor?
    package var scale: Float
    package var softcap: Float
    package var isCausal: Bool
    package var causalOffset: Int
    package var window: Int
}

/// Where attention's gradients go; like q, k, v, contiguous; mask (b, hq, tq, tk) f32.
package struct AttentionGradients: Sendable {
    package var q, k, v: Tensor
    package var mask: Tensor?
}

package struct Pooling: Sendable, Hashable {
    package enum Kind: Sendable { case max, average, adaptiveAverage }
    package var kind: Kind
    package var kh = 1, kw = 1, strideH = 1, strideW = 1, padH = 0, padW = 0, dilationH = 1,
        dilationW = 1
    package var countsPadding = true
}

/// Which normalisation. x is (rows, columns) for layer and rms, (n, positions, channels) for group.
package struct Normalization: Sendable {
    package enum Kind: Sendable {
        case layer
        case rms(offset: Float)
        case group(Int, activation: Activation)
    }
    package var kind: Kind
    package var epsilon: Float
    /// (columns) or (channels), f32 contiguous.
    package var weight: Tensor?
    package var bias: Tensor?
}

/// f32: (rows), or (n, groups). `mean` is unused by rms, where it may be the other.
package struct NormalizationStatistics: Sendable {
    package var mean, rstd: Tensor
}

package struct NormalizationGradients: Sendable {
    package var x: Tensor?
    package var weight: Tensor?
    package var bias: Tensor?
}

/// logits (rows, classes) contiguous, targets (rows) i32; loss, logSumExp, rowWeight (rows) f32.
package struct CrossEntropy: Sendable {
    package var logits: Tensor
    package var targets: Tensor
    package var weight: Tensor?
    package var ignoring: Int
    package var smoothing: Float
}

/// x (b, h, t, d), any strides; cos, sin (b or 1, t, dims / 2) f32 contiguous.
package struct Rope: Sendable {
    package var cos, sin: Tensor
    package var dims: Int
    package var isInterleaved: Bool
}

/// A step of one parameter, in place: contiguous f32, but for the gradient, which has any float type.
package struct OptimiserUpdate: Sendable {
    package var step: OptimiserStep
    package var parameter: Tensor
    package var gradient: Tensor
    package var state: [Tensor]
    /// Gets the parameter's new value, rounded to bf16.
    package var narrowCopy: Tensor?

    package init(
        _ step: OptimiserStep, parameter: Tensor, gradient: Tensor, state: [Tensor]
    ) {
        (self.step, self.parameter) = (step, parameter)
        (self.gradient, self.state) = (gradient, state)
    }
}

package enum OptimiserStep: Sendable {
    /// State: m, v, and with AMSGrad the largest v so far. Double: 1 - beta2 must not be rounded first.
    case adam(
        lr: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
        bias1: Double, bias2: Double,
        decoupled: Bool)
    /// State: momentum buffer, or none.
    case sgd(
        lr: Double, momentum: Double, dampening: Double, weightDecay: Double, nesterov: Bool,
        first: Bool)
}

/// How a matrix (rows, columns) is stored in few bits.
package enum Quantization: Sendable, Hashable {
    /// Parts: bytes (rows, bytes of a row) u8.
    case blocks(BlockFormat)
    /// Parts: codes (rows, columns) i8, scale (rows) f32.
    case int8Rows
    /// Parts: packed (rows, columns / 2) u8, scale and zero (rows, columns / group) f32.
    case int4Groups(Int, zeroPoint: Bool)
}

/// x (m, k) contiguous; f32, but codes i8 with `xScale` (m) for int8 rows. y (m, n) f32.
package struct QuantizedMatmul: Sendable {
    package var quantization: Quantization
    package var x: Tensor
    package var xScale: Tensor?
    package var weight: [Tensor]
    package var bias: Tensor?
    /// Keep x in f32, where the fast way would round it to int8 blocks.
    package var isExact: Bool
}

/// y = x w^T + bias for each of several weights in blocks and one x (m, k), f32 contiguous. A single product may have a
/// residual (m, n), which is added; with a gate there are two weights and one result, gate(first) · second.
package struct QuantizedProducts: Sendable {
    package var x: Tensor
    package var weights: [QuantizedTensor]
    package var biases: [Tensor?]
    package var residual: Tensor?
    package var gate = Activation.none
}

/// x i8 with a scale a sample (n), weight i8 with a scale an output channel (cout), bias (cout) f32.
package struct Int8Convolution: Sendable {
    package var geometry: Convolution
    package var x, xScale, weight, weightScale: Tensor
    package var bias: Tensor?
}
