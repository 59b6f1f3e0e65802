import Files
import Networks
import Tensors
import Transformers

/// Runs a case of the folder `adapters`: logits without an adapter, beside the weights and within them, and a training.
func runAdapter(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let folder = "\(test.folder)/\(test.entry["dir"]?.string ?? "")"
    let base = "\(test.folder)/../models/\(test.entry["base"]?.string ?? "")"
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let ids = try file.tensor("in.input_ids", on: device)
    let outputs = try Device.with(device) { () throws -> [String: Tensor] in
        let model = try LoadedModel.load(base, .f32, on: device)
        let adapters = [(adapter: try Adapter(folder: folder), strength: Float(1))]
        let (adapted, merged) = (
            try model.adapted(by: adapters), try model.merged(with: adapters)
        )
        var outputs = noGrad {
            [
                "base.logits": model.model(ids), "logits": adapted.model(ids),
                "merged.logits": merged.model(ids),
            ]
        }
        let name = test.params["merged_weight"]?.string ?? ""
        if let weight = merged.store[name] {
            outputs["merged.\(name)"] = weight.role.toFile(weight.value).contiguous()
        }
        outputs["training.losses"] = train(adapted, beside: model, ids)
        return outputs
    }
    return try compare(outputs, with: file, of: test)
}

/// Ten steps on what the adapter brings, the model itself being frozen.
private func train(_ adapted: LoadedModel, beside model: LoadedModel, _ ids: Tensor) -> Tensor {
    let own = adapted.store.parameters.filter { model.store[$0.name] !== $0 }
    model.store.parameters.freeze()
    let (rows, length) = (ids.shape[0], ids.shape[1])
    let targets = ids.narrowed(1, start: 1, count: length - 1).contiguous()
        .reshaped([rows * (length - 1)])
    var optimiser = Optimiser(own, AdamW(weightDecay: 0.01), decay: .all)
    let losses = (0..<10).map { _ in
        let (loss, gradients) = adapted.store.valueAndGradients {
            adapted.model(ids).narrowed(1, start: 0, count: length - 1)
                .flattened(0, 1).crossEntropy(targets)
        }
        optimiser.step(gradients, lr: 1e-2)
        return loss
    }
    return Tensor.stacked(losses)
}
