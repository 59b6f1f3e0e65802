public import Tensors

/// x W^T + b: x (…, inputs) to (…, outputs).
public struct Linear: Sendable {
    /// (outputs, inputs)
    public let weight: Parameter
    public let bias: Parameter?
    /// Where the scope's plan asks for one.
    public let adapter: LowRankAdapter?

    /// - Parameters:
    ///   - bias: whether there is one; it starts at 0 unless the initialiser is `fanIn`, as in PyTorch.
    ///   - channels: for inputs that are flattened pictures (…, h · w · channels).
    ///   - isInputMajor: whether files have the weight as (inputs, outputs).
    public init(
        _ scope: ParameterScope, _ inputs: Int, _ outputs: Int, bias: Bool = true,
        _ initializer: Initializer = .fanIn, flattening channels: Int? = nil,
        isInputMajor: Bool = false
    ) {
        weight = scope.parameter(
            "weight", [outputs, inputs], initializer,
            role: channels.map { .flattenedMatrix(channels: $0) }
                ?? (isInputMajor ? .inputMajorMatrix : .matrix))
        self.bias = bias ? scope.bias(outputs, initializer, inputs: inputs) : nil
        adapter = scope.lowRankPlan?.addition(scope.path).map {
            LowRankAdapter(scope, $0, inputs: inputs, outputs: outputs)
        }
    }

    public func callAsFunction(_ x: Tensor, activation: Activation = .none) -> Tensor {
        show(x)
        guard let adapter else { return mapped(x, bias?.value, activation) }
        guard let stretch = adapter.stretch(of: weight) else {
            return (mapped(x, bias?.value, .none) + adapter(x)).activated(activation)
        }
        let y = (mapped(x, nil, .none) + adapter(x)) * stretch.cast(to: x.dtype)
        return (bias.map { y + $0.value(as: x.dtype) } ?? y).activated(activation)
    }

    /// To who watches.
    func show(_ x: Tensor) { LinearInputs.watcher?(weight, x) }

    private func mapped(_ x: Tensor, _ bias: Tensor?, _ activation: Activation) -> Tensor {
        switch weight.weight(as: x.dtype) {
        case .dense(let w): x.linear(w, bias: bias, activation: activation)
        case .quantized(let w): x.matmul(transposed: w, bias: bias).activated(activation)
        }
    }
}

extension ParameterScope {
    /// A layer's bias. PyTorch's layers draw it from the same range as the weight.
    func bias(_ outputs: Int, _ initializer: Initializer, inputs: Int) -> Parameter {
        let start: Initializer =
            initializer == .fanIn ? .uniform(bound: 1 / Float(inputs).squareRoot()) : .zeros
        return parameter("bias", [outputs], start)
    }
}
