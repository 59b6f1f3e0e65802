import Files
import Tensors

/// The inputs of an op as the table's entries see them: tensors by name (views applied), and parameters.
struct OpInputs {
    let tensors: [String: Tensor]
    let params: JSON

    /// A tensor that must be there.
    subscript(_ name: String) -> Tensor {
        get throws {
            guard let tensor = tensors[name] else {
                throw FileError("case", "has no input \(name)")
            }
            return tensor
        }
    }

    func optional(_ name: String) -> Tensor? { tensors[name] }

    func int(_ name: String) throws -> Int {
        guard let value = params[name]?.int else {
            throw FileError("case", "has no integer \(name)")
        }
        return value
    }

    func float(_ name: String) throws -> Float {
        guard let value = params[name]?.double else {
            throw FileError("case", "has no number \(name)")
        }
        return Float(value)
    }

    func optionalFloat(_ name: String) -> Float? { params[name]?.double.map { Float($0) } }
    func bool(_ name: String) -> Bool { params[name]?.bool ?? false }
    func string(_ name: String) -> String { params[name]?.string ?? "" }
    func ints(_ name: String) -> [Int]? { params[name]?.ints ?? params[name]?.int.map { [$0] } }

    /// A number for both directions, or [h, w].
    func pair(_ name: String) throws -> Pair {
        guard let list = ints(name), let first = list.first else {
            throw FileError("case", "has no pair \(name)")
        }
        return list.count > 1 ? Pair(first, list[1]) : Pair(first)
    }

    var reduction: Reduction {
        switch string("reduction") {
        case "none": .none
        case "sum": .sum
        case "batchmean": .batchMean
        default: .mean
        }
    }
}

/// What the table knows of an op: outputs by name from inputs.
typealias OpBody = @Sendable (OpInputs) throws -> [String: Tensor]

/// Runs a case of the folder `ops`: outputs and gradients against the stored ones.
func runOp(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    guard let body = opTable[test.op] else { return .failed("unknown op \(test.op)") }
    let file = try test.tensors()
    var leaves: [String: Tensor] = [:]
    for entry in file.entries where entry.name.hasPrefix("in.") {
        let name = String(entry.name.dropFirst(3))
        let tensor = try file.tensor(entry.name, on: device)
        leaves[name] = file.contains("grad.\(name)") ? tensor.tracked : tensor
    }
    var viewed = leaves
    for view in test.entry["views"]?.members ?? [] {
        viewed[view.key] = try leaves[view.key].map { try applyView($0, view.value) }
    }
    let outputs = try Device.with(device) {
        try body(OpInputs(tensors: viewed, params: test.params))
    }
    if let problem = try compareOutputs(test, file, outputs, device) { return .failed(problem) }
    if let problem = try compareGradients(test, file, outputs, leaves, device) {
        return .failed(problem)
    }
    return .passed
}

func compareOutputs(
    _ test: ConformanceCase, _ file: SafetensorsFile, _ outputs: [String: Tensor], _ device: Device
) throws -> String? {
    for entry in file.entries where entry.name.hasPrefix("out.") {
        guard let actual = outputs[String(entry.name.dropFirst(4))] else {
            return "no output \(entry.name)"
        }
        guard actual.device == device else { return "\(entry.name) is on \(actual.device)" }
        let (rtol, atol) = test.tolerance(of: entry.name)
        if let problem = difference(
            actual, try file.tensor(entry.name, on: .cpu), rtol: rtol, atol: atol)
        {
            return "\(entry.name): \(problem)"
        }
    }
    return nil
}

private func compareGradients(
    _ test: ConformanceCase, _ file: SafetensorsFile, _ outputs: [String: Tensor],
    _ leaves: [String: Tensor],
    _ device: Device
) throws -> String? {
    let names = leaves.keys.filter { file.contains("grad.\($0)") }.sorted()
    guard !names.isEmpty else { return nil }
    var total = Tensor(0, on: device)
    for entry in file.entries where entry.name.hasPrefix("gout.") {
        guard let output = outputs[String(entry.name.dropFirst(5))] else {
            return "no output for \(entry.name)"
        }
        total = total + (output * (try file.tensor(entry.name, on: device))).sum()
    }
    let gradients = total.gradients(at: names.compactMap { leaves[$0] })
    for (name, actual) in zip(names, gradients) {
        let (rtol, atol) = test.tolerance(of: "grad.\(name)")
        if let problem = difference(
            actual, try file.tensor("grad.\(name)", on: .cpu), rtol: rtol, atol: atol)
        {
            return "grad.\(name): \(problem)"
        }
    }
    return nil
}

/// The steps that make a strided view of a stored tensor.
private func applyView(_ tensor: Tensor, _ steps: JSON) throws -> Tensor {
    try (steps.array ?? []).reduce(tensor) { x, step in
        let items = step.array ?? []
        switch items.first?.string {
        case "permute": return x.permuted(items[1].ints ?? [])
        case "expand": return x.expanded(to: items[1].ints ?? [])
        case "slice":
            var indices = [TensorIndex](repeating: .all, count: x.rank)
            guard let axis = items[1].int, let step = items[4].int else {
                throw FileError("case", "a malformed slice")
            }
            indices[axis] = .by(step, from: items[2].int, to: items[3].int)
            return x[indices]
        default: throw FileError("case", "an unknown view \(step.text)")
        }
    }
}

/// (n, c, …) to (n, …, c) and back: the reference has channels first, we have them last.
func channelsLast(_ x: Tensor) -> Tensor {
    x.rank < 3 ? x : x.permuted([0] + Array(2..<x.rank) + [1])
}

func channelsFirst(_ x: Tensor) -> Tensor {
    x.rank < 3 ? x : x.permuted([0, x.rank - 1] + Array(1..<x.rank - 1))
}
