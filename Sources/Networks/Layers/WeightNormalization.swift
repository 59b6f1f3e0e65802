public import Tensors

// Layers whose weight is normalised each time it is used.

/// A convolution whose weight has the largest singular value 1, so that a critic's slope is bounded (Miyato et al. 2018).
/// Training sharpens the estimate of that value by one power iteration a pass.
public struct SpectralConv2D: Sendable {
    let weight: SpectralWeight
    let bias: Parameter?
    let stride, padding: Pair

    public init(
        _ scope: ParameterScope, _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1,
        padding: Pair = 0, bias: Bool = true, _ initializer: Initializer = .fanIn
    ) {
        let shape = [outputs, kernel.h, kernel.w, inputs]
        weight = SpectralWeight(scope, shape, initializer, role: .convolution)
        let fan = shape.dropFirst().reduce(1, *)
        self.bias = bias ? scope.bias(outputs, initializer, inputs: fan) : nil
        (self.stride, self.padding) = (stride, padding)
    }

    public func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
        x.conv2d(
            weight(as: x.dtype, context), bias: bias?.value, stride: stride, padding: padding)
    }
}

/// A linear map whose weight has the largest singular value 1.
public struct SpectralLinear: Sendable {
    let weight: SpectralWeight
    let bias: Parameter?

    public init(
        _ scope: ParameterScope, _ inputs: Int, _ outputs: Int, bias: Bool = true,
        _ initializer: Initializer = .fanIn
    ) {
        weight = SpectralWeight(scope, [outputs, inputs], initializer, role: .matrix)
        self.bias = bias ? scope.bias(outputs, initializer, inputs: inputs) : nil
    }

    public func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
        x.linear(weight(as: x.dtype, context), bias: bias?.value)
    }
}

/// W / σ with σ = u^T W v, and u a guess at the first left singular vector; W as (outputs, the rest).
struct SpectralWeight: Sendable {
    let weight: Parameter
    /// (outputs)
    let left: Parameter

    init(
        _ scope: ParameterScope, _ shape: [Int], _ initializer: Initializer, role: ParameterRole
    ) {
        weight = scope.parameter("weight_orig", shape, initializer, role: role)
        left = scope.buffer("weight_u", [shape[0]], .normal(deviation: 1))
    }

    func callAsFunction(as dtype: DType, _ context: Context) -> Tensor {
        let w = weight.value
        let flat = w.reshaped([w.shape[0], -1])
        let (u, v) = noGrad { directions(flat.detached, context) }
        let sigma = (u * flat.matmul(v)).sum()
        return (w / sigma).cast(to: dtype)
    }

    private func directions(_ w: Tensor, _ context: Context) -> (Tensor, Tensor) {
        func unit(_ x: Tensor) -> Tensor { x / x.norm().clamped(min: 1e-12) }
        let v = unit(left.value.matmul(w))
        guard context.isTraining else { return (unit(w.matmul(v)), v) }
        let u = unit(w.matmul(v))
        if context.updatesStatistics { left.assign(u) }
        return (u, v)
    }
}

/// A linear map with the length of each row of its weight apart from the direction (Salimans & Kingma 2016).
public struct WeightNormLinear: Sendable {
    /// (outputs, 1)
    let length: Parameter
    /// (outputs, inputs)
    let direction: Parameter
    let bias: Parameter?

    public init(
        _ scope: ParameterScope, _ inputs: Int, _ outputs: Int, bias: Bool = true,
        _ initializer: Initializer = .fanIn
    ) {
        direction = scope.parameter("weight_v", [outputs, inputs], initializer)
        length = scope.parameter("weight_g", [outputs, 1], .ones)
        self.bias = bias ? scope.bias(outputs, initializer, inputs: inputs) : nil
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        let v = direction.value
        let w = v * (length.value / v.norm(axes: [1], keepDims: true))
        return x.linear(w.cast(to: x.dtype), bias: bias?.value)
    }
}
