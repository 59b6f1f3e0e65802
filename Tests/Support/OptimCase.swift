import Files
import Networks
import Tensors

/// Runs a case of the folder `optim`: a rule's path along given gradients, clipping, a schedule, or an average.
func runOptim(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let file = try test.tensors()
    let outputs = try Device.with(device) { () throws -> [String: Tensor] in
        switch test.op {
        case "clip_by_norm", "clip_by_value": return try clipped(test, file, device)
        case "lr_schedule": return try rates(test)
        case "ema": return try averages(test, file, device)
        default: return try path(test, file, device)
        }
    }
    return try compare(outputs, with: file, of: test)
}

/// Every stored output against the computed one of the same name.
func compare(_ outputs: [String: Tensor], with file: SafetensorsFile, of test: ConformanceCase)
    throws -> Verdict
{
    var problems: [(name: String, text: String)] = []
    for entry in file.entries where entry.name.hasPrefix("out.") {
        guard let actual = outputs[String(entry.name.dropFirst(4))] else {
            return .failed("no output \(entry.name)")
        }
        let (rtol, atol) = test.tolerance(of: entry.name)
        let expected = try file.tensor(entry.name, on: .cpu)
        if let problem = difference(actual, expected, rtol: rtol, atol: atol) {
            problems.append((entry.name, problem))
        }
    }
    guard let first = problems.first else { return .passed }
    let others = problems.dropFirst().map(\.name).joined(separator: ", ")
    return .failed("\(first.name): \(first.text)" + (others.isEmpty ? "" : "; also \(others)"))
}

/// The parameters named "in.p.NAME", in the file's order.
private func parameters(_ file: SafetensorsFile, _ prefix: String, _ device: Device) throws
    -> [Parameter]
{
    try file.entries.filter { $0.name.hasPrefix(prefix) }.map {
        Parameter(
            String($0.name.dropFirst(prefix.count)), try file.tensor($0.name, on: device),
            role: .matrix)
    }
}

private func path(_ test: ConformanceCase, _ file: SafetensorsFile, _ device: Device) throws
    -> [String: Tensor]
{
    let settings = RuleSettings(json: test.params)
    let parameters = try parameters(file, "in.p.", device)
    var optimiser = Optimiser(parameters, try settings.rule(test.op))
    let gradients = try parameters.map { try file.tensor("in.g.\($0.name)", on: device) }
    let rates = file.contains("in.lr") ? try file.tensor("in.lr", on: .cpu).scalars() : nil
    var trace = parameters.map { _ in [Tensor]() }
    for step in 0..<(gradients.first?.shape[0] ?? 0) {
        let now = zip(parameters, gradients).map { (parameter: $0, gradient: $1[step]) }
        let lr = rates.map { Double($0[step]) } ?? settings.number("lr")
        optimiser.step(Gradients(now), lr: lr)
        for (i, parameter) in parameters.enumerated() { trace[i].append(parameter.value.detached) }
    }
    return Dictionary(
        uniqueKeysWithValues: zip(parameters, trace).map { ("p.\($0.name)", Tensor.stacked($1)) })
}

private func clipped(_ test: ConformanceCase, _ file: SafetensorsFile, _ device: Device) throws
    -> [String: Tensor]
{
    let settings = RuleSettings(json: test.params)
    var gradients = Gradients(
        try parameters(file, "in.g.", device).map { (parameter: $0, gradient: $0.value.detached) })
    var outputs: [String: Tensor] = [:]
    if test.op == "clip_by_value" {
        gradients.clip(value: Float(settings.number("limit")))
    } else {
        let p = test.params["norm_type"]?.double.map { Float($0) } ?? .infinity
        let norm = gradients.clip(norm: Float(settings.number("max_norm")), p)
        outputs["norm"] = Tensor(norm)
    }
    for entry in gradients.entries { outputs["g.\(entry.parameter.name)"] = entry.gradient }
    return outputs
}

private func rates(_ test: ConformanceCase) throws -> [String: Tensor] {
    let settings = RuleSettings(json: test.params)
    let schedule = try settings.schedule(test.params["schedule"]?.string ?? "")
    let steps = test.params["steps"]?.int ?? 0
    return ["lr": Tensor((0..<steps).map { Float(schedule($0, lr: settings.number("lr"))) })]
}

private func averages(_ test: ConformanceCase, _ file: SafetensorsFile, _ device: Device) throws
    -> [String: Tensor]
{
    let settings = RuleSettings(json: test.params)
    let path = try file.tensor("in.p", on: device)
    let warmup: ExponentialAverage.Warmup =
        switch test.params["warmup"]?.string {
        case "ratio": .ratio
        case "power":
            .power(invGamma: settings.number("inv_gamma"), power: settings.number("power"))
        default: .none
        }
    let parameter = Parameter("p", path[0].contiguous())
    var average = ExponentialAverage(
        [parameter], decay: settings.number("decay"), warmup: warmup,
        updateAfterStep: test.params["update_after_step"]?.int ?? 0)
    let trace = (1..<path.shape[0]).map { step in
        parameter.assign(path[step].contiguous())
        average.update()
        return average.values[0]
    }
    return ["ema": Tensor.stacked(trace)]
}
