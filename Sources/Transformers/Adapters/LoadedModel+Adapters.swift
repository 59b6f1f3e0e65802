import Files
import Networks
import Tensors

extension LoadedModel {
    /// This model with adapters beside its weights, which both share.
    public func adapted(by adapters: [(adapter: Adapter, strength: Float)]) throws -> LoadedModel {
        guard !adapters.isEmpty else { return self }
        let joined = try JoinedAdapters(adapters, model.configuration)
        let maps = joined.maps
        let plan = LowRankPlan { path in
            maps[path].map {
                .init(rank: $0.down.shape[0], scale: $0.scale, hasMagnitude: $0.magnitude != nil)
            }
        }
        var tensors = joined.saved
        for (map, parts) in maps {
            (tensors["\(map).lora_a"], tensors["\(map).lora_b"]) = (parts.down, parts.up)
            tensors["\(map).lora_magnitude"] = parts.magnitude
        }
        let checkpoint = Checkpoint(fileTensors: tensors, origin: joined.origin)
        let network = try ParameterStore.load(checkpoint, sharing: store) {
            Decoder($0.adapting(plan), model.configuration)
        }
        network.store.parameters.filter { joined.fixed.contains($0.name) }.freeze()
        return with(network)
    }

    /// This model with adapters added into its weights; those that were quantised are in f32 then.
    public func merged(with adapters: [(adapter: Adapter, strength: Float)]) throws -> LoadedModel {
        guard !adapters.isEmpty else { return self }
        let joined = try JoinedAdapters(adapters, model.configuration)
        var tensors = joined.saved
        for (map, parts) in joined.maps {
            guard let weight = store["\(map).weight"] else {
                throw FileError(joined.origin, "the model has no map \(map)")
            }
            guard weight.shape == [parts.up.shape[0], parts.down.shape[1]] else {
                throw FileError(joined.origin, "\(map) does not fit the model's \(weight.shape)")
            }
            let device = store.device
            let sum = noGrad { parts.sum(with: weight.value, on: device) }
            tensors[weight.name] = weight.role.toFile(sum).contiguous()
        }
        let checkpoint = Checkpoint(fileTensors: tensors, origin: joined.origin)
        return with(
            try ParameterStore.load(checkpoint, sharing: store) {
                Decoder($0, model.configuration)
            })
    }

    private func with(_ network: (model: Decoder, store: ParameterStore)) -> LoadedModel {
        LoadedModel(
            model: network.model, store: network.store, tokenizer: tokenizer,
            chatTemplate: chatTemplate, endTokens: endTokens, name: name,
            description: description)
    }
}

/// Several adapters as one.
private struct JoinedAdapters {
    let origin: String
    private(set) var maps: [String: Adapter.Map] = [:]
    private(set) var saved: [String: Tensor] = [:]
    private(set) var fixed: Set<String> = []

    init(_ adapters: [(adapter: Adapter, strength: Float)], _ c: DecoderConfiguration)
        throws(FileError)
    {
        origin = adapters.map(\.adapter.path).joined(separator: " with ")
        for (adapter, strength) in adapters {
            for (name, tensor) in adapter.saved {
                guard saved.updateValue(tensor, forKey: name) == nil else {
                    throw FileError(origin, "more than one adapter replaces \(name)")
                }
            }
            fixed.formUnion(adapter.fixed)
            for (path, map) in adapter.maps {
                var map = map
                map.scale *= strength
                if c.turnsPairs(path) {
                    map.up = map.up.pairRows(headSize: c.headSize)
                    map.magnitude = map.magnitude?.expandingAxis(1)
                        .pairRows(headSize: c.headSize).squeezed(1)
                }
                guard let known = maps.updateValue(map, forKey: path) else { continue }
                guard known.magnitude == nil, map.magnitude == nil else {
                    throw FileError(origin, "more than one adapter sets the lengths of \(path)")
                }
                maps[path] = known.joined(map)
            }
        }
    }
}

extension Adapter.Map {
    /// A weight (outputs, inputs) with the addition in it.
    fileprivate func sum(with weight: Tensor, on device: Device) -> Tensor {
        let sum = up.to(device).matmul(down.to(device)) * scale + weight
        guard let magnitude else { return sum }
        return sum * (magnitude.to(device) / sum.rowLengths).expandingAxis(1)
    }

    /// A map that adds what both add: their ranks side by side.
    fileprivate func joined(_ other: Adapter.Map) -> Adapter.Map {
        Adapter.Map(
            down: Tensor.concatenated([down, other.down]),
            up: Tensor.concatenated([up * scale, other.up * other.scale], axis: 1), scale: 1)
    }
}

extension DecoderConfiguration {
    /// Whether the rows of a map are ordered for rotary pairs side by side, as GGUF files of Llama have them; adapters are
    /// made for the other order.
    fileprivate func turnsPairs(_ path: String) -> Bool {
        rotary?.isInterleaved == true
            && (path.hasSuffix(".\(names.query)") || path.hasSuffix(".\(names.key)"))
    }
}

extension Tensor {
    /// Rows (outputs, rank) whose rotary pairs lie half a head apart, with the pairs side by side.
    fileprivate func pairRows(headSize: Int) -> Tensor {
        guard shape[0] % headSize == 0, headSize % 2 == 0 else { return self }
        return reshaped([shape[0] / headSize, 2, headSize / 2, shape[1]]).transposed(1, 2)
            .reshaped(shape)
    }
}
