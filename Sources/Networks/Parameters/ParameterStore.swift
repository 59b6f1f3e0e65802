import Synchronization
public import Tensors

/// All parameters and buffers of a network, in the order in which its layers asked for them.
///
///     let store = ParameterStore(seed: 42)
///     let model = GPT(store.scope, configuration)
///     let (loss, gradients) = store.valueAndGradients { model(tokens).crossEntropy(targets) }
///     optimiser.step(gradients)
public final class ParameterStore: Sendable {
    public let device: Device
    let source: ParameterSource

    private struct State {
        var all: [Parameter] = []
        var index: [String: Int] = [:]
        var problems: [ParameterProblem] = []
    }

    private let state = Mutex(State())

    /// A store whose parameters will be drawn at random.
    public convenience init(seed: UInt64, on device: Device = .default) {
        self.init(.random(RandomKey(seed: seed)), on: device)
    }

    public convenience init(key: RandomKey, on device: Device = .default) {
        self.init(.random(key), on: device)
    }

    init(_ source: ParameterSource, on device: Device) {
        self.source = source
        self.device = device
    }

    /// Where the outermost layer begins.
    public var scope: ParameterScope { ParameterScope(store: self, path: "") }
}

/// Where a store's parameters get their first values.
enum ParameterSource: Sendable {
    case random(RandomKey)
    case checkpoint(Checkpoint)
    /// None: the checkpoint's shapes are compared, and its tensors not read.
    case shapes(Checkpoint)
    /// Another store's own parameters, save those that the checkpoint has.
    case sharing(ParameterStore, Checkpoint)
}

// MARK: reading

extension ParameterStore {
    /// Parameters and buffers, in order.
    public var all: [Parameter] { state.withLock { $0.all } }
    /// What an optimiser holds: parameters that are trainable now.
    public var trainable: [Parameter] { all.filter(\.isTrainable) }
    /// Parameters without the buffers.
    public var parameters: [Parameter] { all.filter { $0.role != .buffer } }
    public var buffers: [Parameter] { all.filter { $0.role == .buffer } }

    public subscript(_ name: String) -> Parameter? {
        state.withLock { state in state.index[name].map { state.all[$0] } }
    }

    /// The parameters (no buffers) below a path: "decoder", and "decoder.0.weight".
    public func parameters(under path: String) -> [Parameter] {
        parameters.filter { $0.name == path || $0.name.hasPrefix("\(path).") }
    }

    /// The number of trained numbers.
    public var count: Int { parameters.map(\.count).reduce(0, +) }

    /// The bytes that parameters and buffers take.
    public var byteCount: Int { all.map(\.byteCount).reduce(0, +) }

    /// The present values by name, as they lie in memory.
    public func snapshot() -> [String: Tensor] {
        Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.value.detached) })
    }
}

// MARK: changing

extension ParameterStore {
    /// Weights stay in a GGUF file until products have taken them for a while, and are packed for good little by little. This
    /// packs at once all that products took so far.
    public func packWeights() {
        for parameter in all where parameter.isQuantized {
            if case .quantized(let w) = parameter.weight(as: .f32) { w.pack() }
        }
    }

    func register(_ parameter: Parameter) -> Parameter {
        state.withLock { state in
            require(
                state.index[parameter.name] == nil,
                "ParameterStore: two parameters are called \(parameter.name)")
            state.index[parameter.name] = state.all.count
            state.all.append(parameter)
        }
        return parameter
    }

    /// Another store's parameter, where this store shares it.
    func shared(_ name: String, _ shape: [Int]) -> Parameter? {
        guard case .sharing(let other, let checkpoint) = source,
            !checkpoint.names.contains(name), let parameter = other[name]
        else { return nil }
        guard parameter.shape == shape else {
            report(.misshapen(name, parameter.shape, shape))
            return nil
        }
        return parameter
    }

    func report(_ problem: ParameterProblem) { state.withLock { $0.problems.append(problem) } }

    var problems: [ParameterProblem] { state.withLock { $0.problems } }
}
