import Files
import Networks
import Tensors

extension GGUFDescription {
    /// The file's tensors under the decoder's names. Those that describe the rope are no parameters.
    func checkpoint(_ c: DecoderConfiguration, _ weights: LoadedModel.Weights) -> Checkpoint {
        var places: [String: Place] = [:]
        for tensor in file.tensors where !tensor.name.hasPrefix("rope_") {
            for (name, place) in GGUFDescription.places(tensor, c) { places[name] = place }
        }
        let (file, known) = (file, places)
        let shapes = places.compactMapValues { place in
            file.entry(place.tensor).map { Array($0.shape.dropFirst(place.part == nil ? 0 : 1)) }
        }
        return Checkpoint(
            origin: file.path, shapes: shapes, as: weights.dtype,
            fetch: { name in
                guard let place = known[name] else { return nil }
                let x = try file.tensor(place.tensor, on: .cpu)
                return place.part.map { x[$0].contiguous() } ?? x
            },
            quantized: { name, device in
                guard weights == .stored, let place = known[name],
                    file.entry(place.tensor)?.type.storedFormat != nil
                else { return nil }
                return try file.quantized(place.tensor, part: place.part, on: device)
            })
    }

    /// A tensor of the file, or one of the matrices that it stacks.
    private struct Place {
        let tensor: String
        var part: Int?
    }

    /// What the decoder calls a tensor of the file; one that stacks the experts' matrices is a name for each.
    private static func places(_ tensor: GGUFTensor, _ c: DecoderConfiguration) -> [(String, Place)]
    {
        let parts = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
            .map(String.init)
        let whole = Place(tensor: tensor.name)
        if parts.count == 2, let name = DecoderNames.outerPaths[parts[0]] {
            return [("\(c.names[keyPath: name]).\(parts[1])", whole)]
        }
        guard parts.count >= 4, parts[0] == "blk" else { return [(tensor.name, whole)] }
        let layer = "\(c.names.layers).\(parts[1])"
        if let map = DecoderNames.expertPaths[parts[2]], parts.count == 4, tensor.shape.count == 3 {
            return (0..<min(tensor.shape[0], c.experts?.count ?? 0)).map {
                let name = "\(layer).\(c.names.experts).\($0).\(c.names[keyPath: map]).\(parts[3])"
                return (name, Place(tensor: tensor.name, part: $0))
            }
        }
        if let map = DecoderNames.expertPaths["\(parts[2])_exps"], parts.count == 5 {
            let expert = "\(c.names.experts).\(parts[3]).\(c.names[keyPath: map])"
            return [("\(layer).\(expert).\(parts[4])", whole)]
        }
        guard var name = DecoderNames.layerPaths[parts[2]], parts.count == 4 else {
            return [(tensor.name, whole)]
        }
        if name == \.up && c.isGated && c.joinsGate { name = \.gateUp }
        return [("\(layer).\(c.names[keyPath: name]).\(parts[3])", whole)]
    }
}

extension DecoderNames {
    typealias Path = any KeyPath<DecoderNames, String> & Sendable

    /// By the names of GGUF files.
    static let outerPaths: [String: Path] = [
        "token_embd": \.embedding, "position_embd": \.positions, "output_norm": \.norm,
        "output": \.head,
    ]

    /// Behind "blk.NUMBER.".
    static let layerPaths: [String: Path] = [
        "attn_norm": \.attentionNorm, "attn_q": \.query, "attn_k": \.key, "attn_v": \.value,
        "attn_qkv": \.queryKeyValue, "attn_q_norm": \.queryNorm, "attn_k_norm": \.keyNorm,
        "attn_output": \.attentionOutput, "post_attention_norm": \.attentionResultNorm,
        "ffn_norm": \.mlpNorm, "ffn_gate": \.gate, "ffn_up": \.up, "ffn_down": \.down,
        "post_ffw_norm": \.mlpResultNorm, "ffn_gate_inp": \.router,
    ]

    /// The experts' matrices, stacked.
    static let expertPaths: [String: Path] = [
        "ffn_gate_exps": \.expertGate, "ffn_up_exps": \.expertUp, "ffn_down_exps": \.expertDown,
    ]
}
