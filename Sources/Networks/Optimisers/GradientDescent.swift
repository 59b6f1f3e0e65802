public import Tensors

/// g += wd p; m = g at first, then momentum m + (1 - dampening) g; p -= lr (nesterov ? g + momentum m : m).
public struct SGD: DecayingRule, Codable {
    public var momentum = 0.0
    public var dampening = 0.0
    public var weightDecay = 0.0
    public var nesterov = false

    public init(
        momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0, nesterov: Bool = false
    ) {
        (self.momentum, self.dampening) = (momentum, dampening)
        (self.weightDecay, self.nesterov) = (weightDecay, nesterov)
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double
    ) {
        var buffer = state.tensors.removeValue(forKey: "momentum")
        sgdStep(
            &parameter, gradient: gradient, momentumBuffer: &buffer, lr: lr, momentum: momentum,
            dampening: dampening, weightDecay: weightDecay, nesterov: nesterov)
        state.tensors["momentum"] = buffer
        state.step += 1
    }
}

/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g², both corrected for their start at 0; p -= lr m / (√v + ε).
///
/// Kingma & Ba 2015; `amsgrad` (Reddi et al. 2018) divides by the largest v so far. Weight decay is part of the gradient.
public struct Adam: DecayingRule, Codable {
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epsilon = 1e-8
    public var weightDecay = 0.0
    public var amsgrad = false

    public init(
        beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0, amsgrad: Bool = false
    ) {
        (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
        (self.weightDecay, self.amsgrad) = (weightDecay, amsgrad)
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double
    ) {
        var steps = PendingSteps()
        step(&parameter, gradient, &state, lr: lr, later: &steps)
        steps.run()
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double,
        later steps: inout PendingSteps
    ) {
        step(&parameter, gradient, &state, lr, isDecoupled: false, &steps)
    }

    fileprivate func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, _ lr: Double,
        isDecoupled: Bool, _ steps: inout PendingSteps
    ) {
        let zeros = { [shape = parameter.shape, device = parameter.device] in
            Tensor.zeros(shape, on: device)
        }
        var adam = AdamState(
            first: state.take("first", first: zeros), second: state.take("second", first: zeros),
            largest: amsgrad ? state.take("largest", first: zeros) : nil, step: state.step)
        adamStep(
            &parameter, gradient: gradient, state: &adam, lr: lr, beta1: beta1, beta2: beta2,
            epsilon: epsilon, weightDecay: weightDecay, isDecoupled: isDecoupled, later: &steps)
        state.tensors["first"] = adam.first
        state.tensors["second"] = adam.second
        state.tensors["largest"] = adam.largest
        state.step = adam.step
    }
}

/// Adam with weight decay beside the gradient: p *= 1 - lr wd first (Loshchilov & Hutter 2019).
public struct AdamW: DecayingRule, Codable {
    private var adam: Adam
    public var weightDecay: Double {
        get { adam.weightDecay }
        set { adam.weightDecay = newValue }
    }

    public init(
        beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01, amsgrad: Bool = false
    ) {
        adam = Adam(
            beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
            amsgrad: amsgrad)
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double
    ) {
        var steps = PendingSteps()
        step(&parameter, gradient, &state, lr: lr, later: &steps)
        steps.run()
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double,
        later steps: inout PendingSteps
    ) {
        adam.step(&parameter, gradient, &state, lr, isDecoupled: true, &steps)
    }
}

/// u = sign(b1 m + (1 - b1) g); p -= lr (u + wd p); m = b2 m + (1 - b2) g (Chen et al. 2023).
public struct Lion: DecayingRule, Codable {
    public var beta1 = 0.9
    public var beta2 = 0.99
    public var weightDecay = 0.0

    public init(beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0) {
        (self.beta1, self.beta2, self.weightDecay) = (beta1, beta2, weightDecay)
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double
    ) {
        var m = state.take("momentum") { [p = parameter] in .zeros(p.shape, on: p.device) }
        let direction = (m * Float(beta1) + gradient * Float(1 - beta1)).sign()
        parameter.add(direction, times: -lr, decay: lr * weightDecay)
        m.add(gradient, times: 1 - beta2, decay: 1 - beta2)
        state.tensors["momentum"] = m
        state.step += 1
    }
}

extension Tensor {
    /// self = (1 - decay) self + factor x, in place: a fused step of gradient descent.
    mutating func add(_ x: Tensor, times factor: Double, decay: Double = 0) {
        guard factor != 0 else {
            self = self * Float(1 - decay)
            return
        }
        var none: Tensor?
        sgdStep(
            &self, gradient: x, momentumBuffer: &none, lr: -factor, weightDecay: -decay / factor)
    }
}
