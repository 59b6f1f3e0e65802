public import Tensors

/// How one parameter moves along its gradient: an optimiser's formula, without the bookkeeping.
public protocol UpdateRule: Sendable {
    /// One step, in place where nothing else holds the tensors.
    ///
    /// - Parameters:
    ///   - parameter: f32.
    ///   - gradient: of the same shape.
    ///   - state: what the rule remembers of this parameter; empty before the first step.
    ///   - lr: the step size.
    func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double)

    /// As above, but may leave the work to `steps`, which does that of all parameters at once.
    func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double,
        later steps: inout PendingSteps)
}

extension UpdateRule {
    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double,
        later steps: inout PendingSteps
    ) {
        step(&parameter, gradient, &state, lr: lr)
    }
}

/// What a rule remembers of one parameter.
public struct UpdateState: Sendable {
    /// Steps done.
    public var step = 0
    public var tensors: [String: Tensor] = [:]

    public init() {}

    /// Takes a tensor out, so that it can be changed in place and put back; `first` makes it at the first step.
    mutating func take(_ name: String, first: () -> Tensor) -> Tensor {
        tensors.removeValue(forKey: name) ?? first()
    }
}

/// Moves parameters along their gradients, and remembers what its rules need.
///
///     var optimiser = Optimiser(store.trainable, AdamW(weightDecay: 0.1), decay: .matrices)
///     optimiser.step(gradients, lr: schedule(step))
public struct Optimiser: Sendable {
    /// Which parameters lose weight: all, or only those of two and more axes (no biases, no norms).
    public enum Decay: String, Sendable, Codable { case all, matrices }

    private var states: [UpdateState]
    private let rules: [any UpdateRule]
    private let scales: [Double]
    public let parameters: [Parameter]
    private let index: [String: Int]

    /// - Parameters:
    ///   - rule: of each parameter, which makes groups of any kind.
    ///   - scale: of a parameter's learning rate.
    public init(
        _ parameters: [Parameter], rule: (Parameter) -> any UpdateRule,
        scale: (Parameter) -> Double = { _ in 1 }
    ) {
        self.parameters = parameters
        rules = parameters.map(rule)
        scales = parameters.map(scale)
        states = parameters.map { _ in UpdateState() }
        index = Dictionary(
            uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) })
    }

    /// One rule for all parameters, but for the weight decay of vectors.
    public init(_ parameters: [Parameter], _ rule: some DecayingRule, decay: Decay = .all) {
        self.init(
            parameters,
            rule: {
                var rule = rule
                if decay == .matrices && $0.shape.count < 2 { rule.weightDecay = 0 }
                return rule
            })
    }

    /// One step of every parameter that has a gradient.
    public mutating func step(_ gradients: Gradients, lr: Double) {
        var steps = PendingSteps()
        for (parameter, gradient) in gradients.entries {
            guard let i = index[parameter.name] else {
                mistake("Optimiser: \(parameter.name) is not one of its parameters")
            }
            require(
                gradient.shape == parameter.shape,
                "Optimiser: \(parameter.name): a gradient of shape \(gradient.shape)")
            parameter.update(&steps) {
                rules[i].step(&$0, gradient, &states[i], lr: lr * scales[i], later: &$1)
            }
        }
        steps.run()
    }

    /// The bytes of its state.
    public var byteCount: Int {
        states.flatMap(\.tensors.values).map { $0.count * $0.dtype.size }.reduce(0, +)
    }
}

/// A rule with weight decay.
public protocol DecayingRule: UpdateRule {
    var weightDecay: Double { get set }
}

// MARK: saving

extension Optimiser {
    /// All it remembers: "PARAMETER/step" (i32) and "PARAMETER/NAME".
    public func tensors() -> [(name: String, tensor: Tensor)] {
        zip(parameters, states).flatMap { parameter, state in
            let step = Tensor([Int32(state.step)], shape: [], on: parameter.device)
            return [("\(parameter.name)/step", step)]
                + state.tensors.sorted { $0.key < $1.key }
                .map { ("\(parameter.name)/\($0.key)", $0.value) }
        }
    }

    /// Continues where the optimiser that gave these tensors was, bit for bit.
    public mutating func restore(_ tensors: [String: Tensor], origin: String = "the tensors")
        throws(CheckpointError)
    {
        var problems: [ParameterProblem] = []
        var restored = states
        for (i, parameter) in parameters.enumerated() {
            let prefix = "\(parameter.name)/"
            guard let step = tensors["\(prefix)step"], step.count == 1 else {
                problems.append(.missing("\(prefix)step", []))
                continue
            }
            restored[i].step = Int(step.scalars(as: Int32.self)[0])
            restored[i].tensors = [:]
        }
        for (name, tensor) in tensors where !name.hasSuffix("/step") {
            guard let slash = name.lastIndex(of: "/"), let i = index[String(name[..<slash])] else {
                problems.append(.extra(name))
                continue
            }
            let slot = String(name[name.index(after: slash)...])
            restored[i].tensors[slot] = tensor.detached.to(parameters[i].device)
        }
        guard problems.isEmpty else {
            throw CheckpointError(origin: origin, problems: problems)
        }
        states = restored
    }
}
