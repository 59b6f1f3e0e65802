import Files
import Networks
import Tensors
import Transformers

/// Runs a case of the kind `causal`: a decoder's states and logits, what it continues with, and its gradients.
func runCausal(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let folder = "\(test.folder)/\(test.entry["dir"]?.string ?? "")"
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let loaded = try LoadedModel.load(folder, .f32, on: device)
    var run = CausalRun(model: loaded.model, file: file, device: device)
    try Device.with(device) {
        try noGrad { try run.forward() }
        try run.padded()
        try run.greedy()
        try run.beams()
    }
    let stored = continuation(
        of: try tokens(file, "in.prompt_ids"), count: 24,
        with: try LoadedModel.load(folder, on: device).model)
    guard stored.ids == (try tokens(file, "out.greedy.ids")) else {
        return .failed("with weights as they are stored it continues \(stored.ids)")
    }
    let verdict = try compare(run.outputs, with: file, of: test)
    let gradients = "\(folder)/gradients.safetensors"
    guard verdict == .passed, exists(gradients) else { return verdict }
    let expected = try SafetensorsFile(path: gradients)
    return try Device.with(device) {
        try checkGradients(loaded, try run.ids("in.input_ids"), expected, test)
    }
}

/// A decoder under test, and what it has put out.
private struct CausalRun {
    let model: Decoder
    let file: SafetensorsFile
    let device: Device
    var outputs: [String: Tensor] = [:]
    private let newTokens = 24

    init(model: Decoder, file: SafetensorsFile, device: Device) {
        (self.model, self.file, self.device) = (model, file, device)
    }

    func ids(_ name: String) throws -> [[Int]] {
        let x = try file.tensor(name, on: .cpu)
        let all = x.scalars(as: Int32.self).map(Int.init)
        let width = x.shape.last ?? 1
        return stride(from: 0, to: all.count, by: width).map { Array(all[$0..<$0 + width]) }
    }

    private func tensor(_ rows: [[Int]]) -> Tensor {
        Tensor(
            rows.joined().map { Int32($0) }, shape: [rows.count, rows.first?.count ?? 0],
            on: device)
    }

    /// The rows of a padded case that are no padding.
    private func unpadded(_ kind: String) throws -> [[Int]] {
        zip(try ids("in.\(kind).input_ids"), try ids("in.\(kind).attention_mask")).map {
            row, mask in
            zip(row, mask).filter { $1 == 1 }.map(\.0)
        }
    }

    mutating func forward() throws {
        let ids = try ids("in.input_ids")
        var states: [Tensor] = []
        let logits = model(tensor(ids)) { states.append($0) }
        outputs["logits"] = logits
        for (i, state) in states.enumerated() { outputs["hidden.\(i)"] = state }
        let n = ids[0].count
        let targets = Tensor(ids[0].dropFirst().map { Int32($0) }, on: device)
        let nll = logits[0, 0..<n - 1].contiguous().crossEntropy(targets, reduction: .none)
        outputs["token_nll"] = nll
        outputs["perplexity"] = exp(nll.mean()).reshaped([1])
    }

    /// Rows of several lengths in one batch.
    mutating func padded() throws {
        let rows = try unpadded("padded")
        let width = rows.map(\.count).max() ?? 0
        let cache = model.makeCache(slots: rows.count, capacity: width, format: .f32)
        let runs = rows.enumerated().map { TokenBatch.Run($1, slot: $0, wanted: .all) }
        let logits = model.logits(TokenBatch(runs), cache)
        var start = 0
        outputs["padded.logits"] = Tensor.stacked(
            rows.map { row in
                let own = logits.narrowed(0, start: start, count: row.count)
                start += row.count
                let rest = Tensor.zeros([width - row.count, model.vocabulary], on: device)
                return Tensor.concatenated([own, rest])
            })
    }

    mutating func greedy() throws {
        let prompt = try ids("in.prompt_ids")
        let found = continued(prompt)
        let logits = found.logits
        outputs["greedy.ids"] = tensor(found.ids).squeezed(0)
        outputs["greedy.logits"] = logits
        outputs["greedy.top5_logits"] = logits.top(5).values
        outputs["greedy.left_ids"] = tensor(continued(try unpadded("left")).ids)
        let end = try ids("out.eos.id")[0][0]
        outputs["eos.id"] = tensor([[end]]).squeezed(0)
        let ended = found.ids[0].prefix((found.ids[0].firstIndex(of: end) ?? newTokens) + 1)
        outputs["eos.greedy_ids"] = tensor([Array(ended)]).squeezed(0)
    }

    /// The likeliest tokens after each prompt, all in one batch, and the logits (24, V) of the first.
    private func continued(_ prompts: [[Int]]) -> (ids: [[Int]], logits: Tensor) {
        let length = (prompts.map(\.count).max() ?? 0) + newTokens
        let cache = model.makeCache(slots: prompts.count, capacity: length, format: .f32)
        var (found, steps) = (prompts.map { _ in [Int]() }, [Tensor]())
        var next = prompts
        for _ in 0..<newTokens {
            let runs = next.enumerated().map { TokenBatch.Run($1, slot: $0) }
            let logits = model.logits(TokenBatch(runs), cache)
            steps.append(logits[0])
            let best = logits.argmax(axis: 1).scalars(as: Int32.self)
            next = best.map { [Int($0)] }
            for (i, token) in best.enumerated() { found[i].append(Int(token)) }
        }
        return (found, Tensor.stacked(steps))
    }

    mutating func beams() throws {
        let prompt = try ids("in.prompt_ids")[0]
        let best = BeamSearch(beams: 4, newTokens: newTokens)(prompt, with: model)[0]
        outputs["beam.ids"] = tensor([best.tokens]).squeezed(0)
        outputs["beam.score"] = Tensor([Float(best.score)], on: device)
        let end = try ids("out.eos.id")[0][0]
        let two = BeamSearch(beams: 4, newTokens: newTokens, ends: [end])(prompt, with: model)
            .prefix(2)
        let width = two.map(\.tokens.count).max() ?? 0
        outputs["eos.beam_ids"] = tensor(
            two.map { $0.tokens + Array(repeating: end, count: width - $0.tokens.count) })
        outputs["eos.beam_scores"] = Tensor(two.map { Float($0.score) }, on: device)
    }
}

/// The loss of predicting a sequence from itself, every parameter's gradient, and ten steps of AdamW.
private func checkGradients(
    _ loaded: LoadedModel, _ rows: [[Int]], _ expected: SafetensorsFile, _ test: ConformanceCase
) throws -> Verdict {
    let n = rows[0].count
    let tokens = Tensor(rows[0].map { Int32($0) }, shape: [1, n])
    let targets = Tensor(rows[0].dropFirst().map { Int32($0) })
    func loss() -> Tensor {
        loaded.model(tokens)[0, 0..<n - 1].contiguous().crossEntropy(targets)
    }
    var outputs: [String: Tensor] = [:]
    var optimiser = Optimiser(loaded.store.trainable, AdamW(weightDecay: 0.01), decay: .all)
    var losses: [Tensor] = []
    for step in 0..<10 {
        let (value, gradients) = loaded.store.valueAndGradients { loss() }
        losses.append(value)
        if step == 0 {
            outputs["loss"] = value.reshaped([1])
            for entry in gradients.entries {
                outputs["grad.\(entry.parameter.name)"] =
                    entry.parameter.role.toFile(entry.gradient).contiguous()
            }
            joinExperts(&outputs)
        }
        optimiser.step(gradients, lr: 1e-3)
    }
    outputs["adamw.losses"] = Tensor.stacked(losses)
    let tolerance = test.entry["gradients_tolerance"]
    for entry in expected.entries {
        guard let actual = outputs[entry.name] else { return .failed("no output \(entry.name)") }
        let own = tolerance?["tensors"]?[entry.name]
        if let problem = difference(
            actual, try expected.tensor(entry.name, on: .cpu),
            rtol: own?["rtol"]?.double ?? tolerance?["rtol"]?.double ?? 0,
            atol: own?["atol"]?.double ?? tolerance?["atol"]?.double ?? 0)
        {
            return .failed("\(entry.name): \(problem)")
        }
    }
    return .passed
}

/// Adds the gradients of experts as the reference holds them: (experts, …) of all, gate and up as one matrix.
private func joinExperts(_ outputs: inout [String: Tensor]) {
    let inner = ".block_sparse_moe."
    for name in outputs.keys.filter({ $0.hasSuffix("\(inner)gate.weight") }) {
        let layer = name.dropLast("\(inner)gate.weight".count)
        let count = outputs[name]?.shape[0] ?? 0
        func all(_ map: String) -> [Tensor] {
            (0..<count).compactMap { outputs["\(layer)\(inner)experts.\($0).\(map).weight"] }
        }
        let both = zip(all("w1"), all("w3")).map { Tensor.concatenated([$0, $1]) }
        outputs["\(layer).mlp.gate.weight"] = outputs[name]
        outputs["\(layer).mlp.experts.gate_up_proj"] = Tensor.stacked(both)
        outputs["\(layer).mlp.experts.down_proj"] = Tensor.stacked(all("w2"))
    }
}
