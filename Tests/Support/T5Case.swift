import Files
import Networks
import Tensors
import Transformers

/// Runs a case of the kind `t5`: states of encoder and decoder, logits, and what it writes from two texts at once.
func runT5(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let folder = "\(test.folder)/\(test.entry["dir"]?.string ?? "")"
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let loaded = try LoadedT5(folder: folder, on: device)
    let padded = try PaddedTexts(file)
    let outputs = try noGrad { () throws -> [String: Tensor] in
        var outputs: [String: Tensor] = [:]
        var layer = 0
        let texts = PackedTexts(padded.texts)
        _ = loaded.encoder(texts) {
            outputs["encoder.hidden.\(layer)"] = padded.spread($0)
            layer += 1
        }
        guard let model = loaded.model else { return outputs }
        try decode(model, file, texts, into: &outputs)
        greedy(model, texts, into: &outputs)
        beams(model, texts, into: &outputs)
        return outputs
    }
    return try compare(outputs, with: file, of: test)
}

/// The given decoder tokens, all at once.
private func decode(
    _ model: T5, _ file: SafetensorsFile, _ sources: PackedTexts,
    into outputs: inout [String: Tensor]
) throws {
    let ids = try file.tensor("in.decoder_input_ids", on: .cpu)
    let (rows, length) = (ids.shape[0], ids.shape[1])
    let all = ids.scalars(as: Int32.self).map(Int.init)
    let texts = PackedTexts((0..<rows).map { Array(all[$0 * length..<($0 + 1) * length]) })
    var states: [Tensor] = []
    let logits = model(texts, from: sources) { states.append($0) }
    for (layer, state) in states.enumerated() {
        outputs["decoder.hidden.\(layer)"] = state.reshaped([rows, length, -1])
    }
    outputs["logits"] = logits.reshaped([rows, length, -1])
}

/// 24 tokens after each text, the likeliest each time.
private func greedy(_ model: T5, _ sources: PackedTexts, into outputs: inout [String: Tensor]) {
    let count = 24
    let slots = Array(sources.texts.indices)
    let cache = model.makeCache(slots: slots.count, capacity: count, format: .f32)
    model.read(sources.texts, into: slots, of: cache)
    var next = slots.map { _ in model.configuration.startToken }
    var (ids, steps): ([[Int]], [Tensor]) = ([], [])
    for _ in 0..<count {
        let runs = slots.map { TokenBatch.Run([next[$0]], slot: $0) }
        let logits = model.logits(TokenBatch(runs), cache)
        next = logits.argmax(axis: 1).scalars(as: Int32.self).map(Int.init)
        ids.append(next)
        steps.append(logits)
    }
    outputs["greedy.logits"] = Tensor.stacked(steps, axis: 1)
    outputs["greedy.ids"] = Tensor(
        slots.flatMap { slot in ids.map { Int32($0[slot]) } }, shape: [slots.count, count])
}

/// The best of 4 beams after each text.
private func beams(_ model: T5, _ sources: PackedTexts, into outputs: inout [String: Tensor]) {
    let best = sources.texts.map { source in
        BeamSearch(beams: 4, newTokens: 24)(
            [model.configuration.startToken], with: model.writing(about: source))[0]
    }
    outputs["beam.ids"] = Tensor(
        best.flatMap { $0.tokens.map { Int32($0) } }, shape: [best.count, 24])
    outputs["beam.score"] = Tensor(best.map { Float($0.score) })
}
