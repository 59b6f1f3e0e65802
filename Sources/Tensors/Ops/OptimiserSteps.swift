// Fused updates in place. A parameter that others still see is copied first, so that their values stay.

extension Tensor {
    /// Makes this tensor the only owner of contiguous f32 storage, so that it may be written.
    fileprivate mutating func makeWritable(_ op: StaticString) {
        require(dtype == .f32, "\(op): a parameter or state of type \(dtype), not f32")
        let isWhole = layout.isContiguous && storage.bytes == count * dtype.size
        if !isWhole || !isKnownUniquelyReferenced(&storage) { self = copied() }
        self = detached
    }
}

/// What Adam remembers of a parameter: running means of its gradient and of its square.
public struct AdamState: Sendable {
    public var first: Tensor
    public var second: Tensor
    /// The largest `second` so far, for AMSGrad.
    public var largest: Tensor?
    /// Steps done.
    public var step = 0

    public init(for parameter: Tensor, amsgrad: Bool = false) {
        first = Tensor.zeros(parameter.shape, on: parameter.device)
        second = first
        largest = amsgrad ? first : nil
    }

    /// As it was when the tensors were saved.
    public init(first: Tensor, second: Tensor, largest: Tensor? = nil, step: Int) {
        (self.first, self.second, self.largest, self.step) = (first, second, largest, step)
    }
}

/// Steps that wait to be done all at once, which is faster than one by one.
///
///     var steps = PendingSteps()
///     for i in parameters.indices {
///         adamStep(&parameters[i], gradient: gradients[i], state: &states[i], lr: 1e-3, later: &steps)
///     }
///     steps.run()
public struct PendingSteps {
    private var updates: [OptimiserUpdate] = []

    public init() {}

    public var count: Int { updates.count }

    fileprivate mutating func append(_ update: OptimiserUpdate) { updates.append(update) }

    /// What the last parameter's value will be, rounded to bf16: written by the step itself.
    public mutating func narrowCopyOfLast() -> Tensor? {
        guard let i = updates.indices.last else { return nil }
        let copy = updates[i].narrowCopy ?? updates[i].parameter.result(nil, .bf16)
        updates[i].narrowCopy = copy
        return copy
    }

    /// Does them. Until then, parameters and states have their old values.
    public mutating func run() {
        if let first = updates.first { first.parameter.backend.step(updates) }
        updates = []
    }
}

/// One step of Adam, or of AdamW (decoupled weight decay) unless said otherwise.
public func adamStep(
    _ parameter: inout Tensor, gradient: Tensor, state: inout AdamState, lr: Double,
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    isDecoupled: Bool = true
) {
    var steps = PendingSteps()
    adamStep(
        &parameter, gradient: gradient, state: &state, lr: lr, beta1: beta1, beta2: beta2,
        epsilon: epsilon, weightDecay: weightDecay, isDecoupled: isDecoupled, later: &steps)
    steps.run()
}

/// As above, but done when the steps that are collected are run; nothing may be read or written before.
public func adamStep(
    _ parameter: inout Tensor, gradient: Tensor, state: inout AdamState, lr: Double,
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    isDecoupled: Bool = true, later steps: inout PendingSteps
) {
    require(
        gradient.shape == parameter.shape && state.first.shape == parameter.shape,
        "adamStep: a gradient of shape \(gradient.shape) for a parameter of shape \(parameter.shape)"
    )
    parameter.makeWritable("adamStep")
    state.first.makeWritable("adamStep")
    state.second.makeWritable("adamStep")
    state.largest?.makeWritable("adamStep")
    state.step += 1
    guard parameter.count > 0 else { return }
    let call = OptimiserStep.adam(
        lr: lr, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
        bias1: 1 - power(beta1, Double(state.step)), bias2: 1 - power(beta2, Double(state.step)),
        decoupled: isDecoupled)
    steps.append(
        OptimiserUpdate(
            call, parameter: parameter, gradient: gradient.detached.contiguous(),
            state: [state.first, state.second] + (state.largest.map { [$0] } ?? [])))
}

/// One step of gradient descent, with momentum if a buffer is given.
public func sgdStep(
    _ parameter: inout Tensor, gradient: Tensor, momentumBuffer: inout Tensor?, lr: Double,
    momentum: Double = 0,
    dampening: Double = 0, weightDecay: Double = 0, nesterov: Bool = false
) {
    require(
        gradient.shape == parameter.shape,
        "sgdStep: a gradient of shape \(gradient.shape) for a parameter of shape \(parameter.shape)"
    )
    parameter.makeWritable("sgdStep")
    let first = momentumBuffer == nil
    if momentum != 0 {
        var buffer = momentumBuffer ?? parameter.copied()
        momentumBuffer = nil
        buffer.makeWritable("sgdStep")
        momentumBuffer = buffer
    }
    guard parameter.count > 0 else { return }
    let call = OptimiserStep.sgd(
        lr: lr, momentum: momentum, dampening: dampening, weightDecay: weightDecay,
        nesterov: nesterov, first: first)
    parameter.backend.step([
        OptimiserUpdate(
            call, parameter: parameter, gradient: gradient.detached.contiguous(),
            state: momentumBuffer.map { [$0] } ?? [])
    ])
}
