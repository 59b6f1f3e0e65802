import Glibc
public import Tensors

/// A slow copy of parameters, e = d e + (1 - d) p after each step, which samples better than the parameters themselves.
///
///     var average = ExponentialAverage(store.trainable, decay: 0.999)
///     average.update()                        // after each optimiser step
///     average.whileApplied { sample(model) }
public struct ExponentialAverage: Sendable {
    /// How the decay grows at first, n being the steps after `updateAfterStep`.
    public enum Warmup: Sendable, Hashable, Codable {
        case none
        /// (1 + n) / (10 + n)
        case ratio
        /// 1 - (1 + n / invGamma)^-power
        case power(invGamma: Double, power: Double)
    }

    public let parameters: [Parameter]
    public private(set) var values: [Tensor]
    public let decay: Double
    public let warmup: Warmup
    public let updateAfterStep: Int
    public private(set) var step = 0

    public init(
        _ parameters: [Parameter], decay: Double, warmup: Warmup = .none, updateAfterStep: Int = 0
    ) {
        self.parameters = parameters
        values = parameters.map(\.value.detached)
        (self.decay, self.warmup, self.updateAfterStep) = (decay, warmup, updateAfterStep)
    }

    /// The share of the old average that step t = 1, 2, … keeps.
    public func decay(at step: Int) -> Double {
        if warmup == .none { return decay }
        let n = Double(max(0, step - updateAfterStep - 1))
        if n == 0 { return 0 }
        switch warmup {
        case .none: return decay
        case .ratio: return min(decay, (1 + n) / (10 + n))
        case .power(let invGamma, let power): return min(decay, 1 - pow(1 + n / invGamma, -power))
        }
    }

    /// One step towards the parameters as they are now.
    public mutating func update() {
        step += 1
        let share = 1 - decay(at: step)
        for i in values.indices {
            if share == 1 {
                values[i] = parameters[i].value.detached
            } else {
                values[i].add(parameters[i].value.detached, times: share, decay: share)
            }
        }
    }

    /// Runs the body with the averages in the parameters' place.
    public func whileApplied<R>(_ body: () throws -> R) rethrows -> R {
        let own = parameters.map(\.value.detached)
        for (parameter, value) in zip(parameters, values) { parameter.assign(value) }
        defer { for (parameter, value) in zip(parameters, own) { parameter.assign(value) } }
        return try body()
    }

    /// "NAME" for each average, and its "/step".
    public func tensors() -> [(name: String, tensor: Tensor)] {
        [("/step", Tensor([Int32(step)], shape: []))]
            + zip(parameters, values).map { ($0.name, $1) }
    }

    /// Continues where the average that gave these tensors was.
    public mutating func restore(_ tensors: [String: Tensor], origin: String = "the tensors")
        throws(CheckpointError)
    {
        var problems: [ParameterProblem] = []
        var restored = values
        for (i, parameter) in parameters.enumerated() {
            guard let value = tensors[parameter.name], value.shape == parameter.shape else {
                problems.append(.missing(parameter.name, parameter.shape))
                continue
            }
            restored[i] = value.detached.to(parameter.device)
        }
        guard let step = tensors["/step"], step.count == 1, problems.isEmpty else {
            throw CheckpointError(origin: origin, problems: problems + [.missing("/step", [])])
        }
        values = restored
        self.step = Int(step.scalars(as: Int32.self)[0])
    }
}
