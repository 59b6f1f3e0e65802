public import Tensors

/// A 2-D convolution of pictures: (N, H, W, inputs) to (N, OH, OW, outputs).
public struct Conv2D: Sendable {
    /// (outputs, KH, KW, inputs / groups)
    public let weight: Parameter
    public let bias: Parameter?
    public let stride, padding, dilation: Pair
    public let groups: Int

    public init(
        _ scope: ParameterScope, _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1,
        padding: Pair = 0, dilation: Pair = 1, groups: Int = 1, bias: Bool = true,
        _ initializer: Initializer = .fanIn
    ) {
        require(
            groups > 0 && inputs % groups == 0 && outputs % groups == 0,
            "Conv2D: \(inputs) and \(outputs) channels in \(groups) groups")
        let shape = [outputs, kernel.h, kernel.w, inputs / groups]
        weight = scope.parameter("weight", shape, initializer, role: .convolution)
        let fan = shape.dropFirst().reduce(1, *)
        self.bias = bias ? scope.bias(outputs, initializer, inputs: fan) : nil
        (self.stride, self.padding, self.dilation) = (stride, padding, dilation)
        self.groups = groups
    }

    public func callAsFunction(_ x: Tensor, activation: Activation = .none) -> Tensor {
        switch weight.weight(as: x.dtype) {
        case .dense(let w):
            x.conv2d(
                w, bias: bias?.value, stride: stride, padding: padding, dilation: dilation,
                groups: groups, activation: activation)
        case .quantized(let w): quantized(x, w).activated(activation)
        }
    }

    /// Windows are int8; over single pixels a convolution is a product, which knows every format.
    private func quantized(_ x: Tensor, _ w: QuantizedTensor) -> Tensor {
        let kernel = Pair(weight.shape[1], weight.shape[2])
        if kernel == 1 && stride == 1 && padding == 0 && groups == 1 {
            return x.matmul(transposed: w, bias: bias?.value)
        }
        let w = w.isInt8 ? w : QuantizedTensor(int8Rows: w.dequantized())
        return x.conv2d(
            w, kernel: kernel, bias: bias?.value, stride: stride, padding: padding,
            dilation: dilation, groups: groups)
    }
}

/// A transposed convolution: (N, H, W, inputs) to (N, OH, OW, outputs) with
/// OH = (H - 1) stride - 2 padding + KH + outputPadding.
public struct ConvTranspose2D: Sendable {
    /// (inputs, KH, KW, outputs)
    public let weight: Parameter
    public let bias: Parameter?
    public let stride, padding, outputPadding: Pair

    public init(
        _ scope: ParameterScope, _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1,
        padding: Pair = 0, outputPadding: Pair = 0, bias: Bool = true,
        _ initializer: Initializer = .fanIn
    ) {
        let shape = [inputs, kernel.h, kernel.w, outputs]
        weight = scope.parameter("weight", shape, initializer, role: .transposedConvolution)
        let fan = shape.dropFirst().reduce(1, *)
        self.bias = bias ? scope.bias(outputs, initializer, inputs: fan) : nil
        (self.stride, self.padding, self.outputPadding) = (stride, padding, outputPadding)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.convTranspose2d(
            weight.value(as: x.dtype), bias: bias?.value, stride: stride, padding: padding,
            outputPadding: outputPadding)
    }
}
