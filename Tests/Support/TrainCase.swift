import Files
import Networks
import Tensors

/// Runs a case of the folder `train`: a short training from given weights, batches and noises.
func runTrain(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    guard let program = trainTable[test.op] else { return .failed("unknown op \(test.op)") }
    let file = try test.tensors()
    let outputs = try Device.with(device) { () throws -> [String: Tensor] in
        var run = TrainRun(test: test, file: file, device: device)
        try program(&run)
        return run.outputs()
    }
    return try compare(outputs, with: file, of: test)
}

typealias TrainProgram = @Sendable (inout TrainRun) throws -> Void

/// A training under way: its inputs, and what it has put out so far.
struct TrainRun {
    let test: ConformanceCase
    let file: SafetensorsFile
    let device: Device
    private var series: [String: [Tensor]] = [:]
    private var finished: [String: Tensor] = [:]

    init(test: ConformanceCase, file: SafetensorsFile, device: Device) {
        (self.test, self.file, self.device) = (test, file, device)
    }

    var params: JSON { test.params }
    func int(_ name: String) -> Int { params[name]?.int ?? 0 }
    func float(_ name: String) -> Float { Float(params[name]?.double ?? 0) }
    var steps: Int { int("steps") }

    /// An input whose first axis is the step, on the device.
    func input(_ name: String) throws -> Tensor { try file.tensor("in.\(name)", on: device) }
    func has(_ name: String) -> Bool { file.contains("in.\(name)") }

    /// A picture input (…, C, H, W) as (…, H, W, C).
    func pictures(_ name: String) throws -> Tensor {
        let x = try input(name)
        let n = x.rank
        return x.permuted(Array(0..<n - 3) + [n - 2, n - 1, n - 3]).contiguous()
    }

    /// A model with the case's initial weights; `prefix` limits it to a part of them.
    func load<Model>(
        _ prefix: String = "", where isWanted: (String) -> Bool = { _ in true },
        _ build: (ParameterScope) throws -> Model
    ) throws -> (model: Model, store: ParameterStore) {
        let start = "in.p.\(prefix)"
        let checkpoint = Checkpoint(file).renamed {
            guard $0.hasPrefix(start) else { return nil }
            let name = String($0.dropFirst(start.count))
            return isWanted(name) ? name : nil
        }
        return try ParameterStore.load(checkpoint, on: device, build)
    }

    /// As `load` for a model with buffers, which the case does not hold.
    func loadWithFreshBuffers<Model>(_ build: (ParameterScope) throws -> Model) throws -> (
        model: Model, store: ParameterStore
    ) {
        let store = ParameterStore(seed: 0, on: device)
        let model = try build(store.scope)
        for parameter in store.parameters {
            let value = try file.tensor("in.p.\(parameter.name)", on: device)
            parameter.assign(parameter.role.fromFile(value).contiguous())
        }
        return (model, store)
    }

    /// The optimiser of the case, for these parameters, and its learning rate.
    func optimiser(_ parameters: [Parameter]) throws -> (Optimiser, lr: Double) {
        let settings = RuleSettings(json: params["optimizer"] ?? .null)
        let rule = try settings.rule(settings.json["name"]?.string ?? "")
        let decay = Optimiser.Decay(rawValue: settings.json["decay"]?.string ?? "") ?? .all
        return (make(parameters, rule, decay), settings.number("lr"))
    }

    private func make(
        _ parameters: [Parameter], _ rule: some DecayingRule, _ decay: Optimiser.Decay
    )
        -> Optimiser
    {
        Optimiser(parameters, rule, decay: decay)
    }

    // MARK: putting out

    /// The value of a step.
    mutating func add(_ name: String, _ value: Tensor) {
        series[name, default: []].append(value.detached)
    }

    mutating func set(_ name: String, _ value: Tensor) { finished[name] = value.detached }

    /// A loss, and its gradients if these are the first.
    mutating func add(_ name: String = "loss", _ loss: Tensor, _ gradients: Gradients) {
        add(name, loss)
        addGradients(gradients)
    }

    mutating func addGradients(_ gradients: Gradients) {
        for (parameter, gradient) in gradients.entries
        where finished["grad0.\(parameter.name)"] == nil {
            set("grad0.\(parameter.name)", parameter.role.toFile(gradient))
        }
    }

    /// The weights, as files lay them out.
    mutating func finish(_ store: ParameterStore) {
        for parameter in store.all {
            let kind = parameter.role == .buffer ? "buffer" : "p"
            set("\(kind).\(parameter.name)", parameter.role.toFile(parameter.value))
        }
    }

    mutating func finish(_ average: ExponentialAverage) {
        for (parameter, value) in zip(average.parameters, average.values) {
            set("ema.\(parameter.name)", parameter.role.toFile(value))
        }
    }

    func outputs() -> [String: Tensor] {
        series.mapValues { Tensor.stacked($0) }.merging(finished) { $1 }
    }

    /// The usual program: a loss a step, and a step of the optimiser.
    mutating func train(
        _ store: ParameterStore, clip: Float? = nil,
        _ loss: (_ step: Int, _ run: inout TrainRun) throws -> Tensor
    ) throws {
        var (optimiser, lr) = try optimiser(store.trainable)
        let rates = has("lr") ? try input("lr").scalars() : nil
        for step in 0..<steps {
            var (value, gradients) = try store.valueAndGradients { try loss(step, &self) }
            add("loss", value, gradients)
            if let clip { add("grad_norm", Tensor(gradients.clip(norm: clip))) }
            optimiser.step(gradients, lr: rates.map { Double($0[step]) } ?? lr)
        }
    }
}

let trainTable: [String: TrainProgram] = [
    textPrograms, picturePrograms, adversarialPrograms, flowPrograms, diffusionPrograms,
].reduce([:]) { $0.merging($1) { $1 } }
