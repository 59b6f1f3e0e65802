public import Tensors

// Statistics are in f32 whatever the input's type; scales and shifts stay f32.

/// (x - mean) / sqrt(variance + ε) · weight + bias over the last axis.
public struct LayerNorm: Sendable {
    public let weight: Parameter?
    public let bias: Parameter?
    public let epsilon: Float

    public init(
        _ scope: ParameterScope, _ channels: Int, epsilon: Float = 1e-5, affine: Bool = true,
        bias: Bool = true
    ) {
        weight = affine ? scope.parameter("weight", [channels], .ones) : nil
        self.bias = affine && bias ? scope.parameter("bias", [channels], .zeros) : nil
        self.epsilon = epsilon
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.layerNorm(weight: weight?.value, bias: bias?.value, epsilon: epsilon)
    }
}

/// x / sqrt(mean(x²) + ε) · weight over the last axis.
public struct RMSNorm: Sendable {
    public let weight: Parameter
    public let epsilon: Float
    /// Scale by 1 + weight, as Gemma does.
    public let unitOffset: Bool

    public init(
        _ scope: ParameterScope, _ channels: Int, epsilon: Float = 1e-6, unitOffset: Bool = false
    ) {
        weight = scope.parameter("weight", [channels], unitOffset ? .zeros : .ones)
        (self.epsilon, self.unitOffset) = (epsilon, unitOffset)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.rmsNorm(weight: weight.value, epsilon: epsilon, unitOffset: unitOffset)
    }
}

/// Layer norm over each group of channels and all positions of x (N, …, C), and an activation if one is asked for.
public struct GroupNorm: Sendable {
    public let groups: Int
    public let weight: Parameter
    public let bias: Parameter
    public let epsilon: Float

    public init(_ scope: ParameterScope, _ groups: Int, _ channels: Int, epsilon: Float = 1e-5) {
        weight = scope.parameter("weight", [channels], .ones)
        bias = scope.parameter("bias", [channels], .zeros)
        (self.groups, self.epsilon) = (groups, epsilon)
    }

    public func callAsFunction(_ x: Tensor, activation: Activation = .none) -> Tensor {
        x.groupNorm(
            groups, weight: weight.value, bias: bias.value, epsilon: epsilon,
            activation: activation)
    }
}

/// Every channel of every sample of x (N, …, C) over its positions.
public struct InstanceNorm: Sendable {
    public let weight: Parameter?
    public let bias: Parameter?
    public let epsilon: Float

    public init(
        _ scope: ParameterScope, _ channels: Int, epsilon: Float = 1e-5, affine: Bool = false
    ) {
        weight = affine ? scope.parameter("weight", [channels], .ones) : nil
        bias = affine ? scope.parameter("bias", [channels], .zeros) : nil
        self.epsilon = epsilon
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.instanceNorm(weight: weight?.value, bias: bias?.value, epsilon: epsilon)
    }
}

/// Every channel of x (N, …, C) over the batch and all positions; in use over what training has seen.
public struct BatchNorm: Sendable {
    public let weight: Parameter
    public let bias: Parameter
    public let runningMean: Parameter
    public let runningVariance: Parameter
    public let momentum: Float
    public let epsilon: Float

    public init(
        _ scope: ParameterScope, _ channels: Int, momentum: Float = 0.1, epsilon: Float = 1e-5,
        _ initializer: Initializer = .ones
    ) {
        weight = scope.parameter("weight", [channels], initializer)
        bias = scope.parameter("bias", [channels], .zeros)
        runningMean = scope.buffer("running_mean", [channels], .zeros)
        runningVariance = scope.buffer("running_var", [channels], .ones)
        (self.momentum, self.epsilon) = (momentum, epsilon)
    }

    public func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
        var (mean, variance) = (runningMean.value, runningVariance.value)
        guard context.isTraining else {
            return x.batchNorm(
                mean: mean.cast(to: x.dtype), variance: variance.cast(to: x.dtype),
                weight: weight.value, bias: bias.value, epsilon: epsilon)
        }
        let y = x.batchNorm(
            runningMean: &mean, runningVariance: &variance, weight: weight.value,
            bias: bias.value, momentum: momentum, epsilon: epsilon)
        if context.updatesStatistics {
            runningMean.assign(mean)
            runningVariance.assign(variance)
        }
        return y
    }
}
