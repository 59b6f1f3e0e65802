import Files
import Tensors
import Transformers

/// Runs a case of the folder `gguf/models`: logits from the weights as f32, and as the file stores them, and what the model
/// continues with either way.
func runGGUFModel(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let path = "\(test.folder)/\(test.entry["file"]?.string ?? "")"
    let file = try SafetensorsFile(path: "\(test.folder)/\(test.entry["expected"]?.string ?? "")")
    let exact = try LoadedModel.load(path, .f32, on: device)
    let stored = try LoadedModel.load(path, on: device)
    let ids = try tokens(file, "in.ids")
    let prompt = try tokens(file, "in.prompt")
    let found = continuation(of: prompt, count: 24, with: exact.model)
    let outputs = [
        "logits": logits(of: ids, with: exact.model),
        "llama.logits": logits(of: ids, with: stored.model),
        "greedy.ids": Tensor(found.ids.map { Int32($0) }, on: device),
        "greedy.logits": found.logits,
    ]
    let verdict = try compare(outputs, with: file, of: test)
    guard verdict == .passed else { return verdict }
    let other = continuation(of: prompt, count: 24, with: stored.model).ids
    return parting(found, other, within: test.tolerance(of: "out.llama.logits").atol)
        .map { .failed("with stored weights \($0)") } ?? .passed
}

/// Nil if a continuation is the expected one, or parts from it where the likeliest token leads by no more than rounding.
private func parting(
    _ expected: (ids: [Int], logits: Tensor), _ ids: [Int], within rounding: Double
) -> String? {
    guard let step = ids.indices.first(where: { ids[$0] != expected.ids[$0] }) else { return nil }
    let logits = expected.logits[step].contiguous().scalars()
    let lead = logits[expected.ids[step]] - logits[ids[step]]
    guard Double(lead) > rounding else { return nil }
    return "it continues \(ids), not \(expected.ids), at step \(step) against a lead of \(lead)"
}

/// A row of ids.
func tokens(_ file: SafetensorsFile, _ name: String) throws -> [Int] {
    try file.tensor(name, on: .cpu).scalars(as: Int32.self).map(Int.init)
}

/// Of every token of a sequence: (T, V).
func logits(of ids: [Int], with model: Decoder) -> Tensor {
    let cache = model.makeCache(slots: 1, capacity: ids.count, format: .f32)
    return model.logits(TokenBatch(ids, wanted: .all), cache)
}

/// The likeliest tokens after a prompt, and the logits (count, V) that they were chosen by.
func continuation(of prompt: [Int], count: Int, with model: Decoder) -> (ids: [Int], logits: Tensor)
{
    let cache = model.makeCache(slots: 1, capacity: prompt.count + count, format: .f32)
    var (ids, steps, next) = ([Int](), [Tensor](), prompt)
    for _ in 0..<count {
        let logits = model.logits(TokenBatch(next), cache)
        next = logits.argmax(axis: 1).scalars(as: Int32.self).map(Int.init)
        steps.append(logits[0])
        ids += next
    }
    return (ids, Tensor.stacked(steps))
}
