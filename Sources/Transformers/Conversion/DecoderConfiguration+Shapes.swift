import Files

extension DecoderConfiguration {
    /// Refuses tensors, by their names in GGUF files, that are not those of this decoder.
    func check(_ shapes: [String: [Int]], _ path: String) throws(FileError) {
        let expected = ggufShapes
        for (name, shape) in expected.sorted(by: { $0.key < $1.key }) {
            guard let found = shapes[name] else {
                throw FileError(path, "\(name) \(shape) is missing")
            }
            guard found == shape else {
                throw FileError(path, "\(name) has the shape \(found) and should have \(shape)")
            }
        }
        if let name = shapes.keys.filter({ expected[$0] == nil }).min() {
            throw FileError(path, "\(name.quoted) is no tensor of this model")
        }
    }

    /// The tensors of a GGUF file, (rows, columns).
    private var ggufShapes: [String: [Int]] {
        var shapes = ["token_embd.weight": [vocabulary, channels]]
        func add(_ name: String, _ shape: [Int], bias: Bool = false) {
            shapes["\(name).weight"] = shape
            if bias { shapes["\(name).bias"] = Array(shape.prefix(1)) }
        }
        let hasNormBias = norm == .layer
        add("output_norm", [channels], bias: hasNormBias)
        if !isTied { add("output", [vocabulary, channels], bias: biases.head) }
        if case .learned = positions { add("position_embd", [context, channels]) }
        for layer in 0..<layers {
            func part(_ name: String, _ shape: [Int], bias: Bool = false) {
                add("blk.\(layer).\(name)", shape, bias: bias)
            }
            part("attn_norm", [channels], bias: hasNormBias)
            part("ffn_norm", [channels], bias: hasNormBias)
            if normsResults {
                part("post_attention_norm", [channels], bias: hasNormBias)
                part("post_ffw_norm", [channels], bias: hasNormBias)
            }
            addAttention { part($0, $1, bias: $2) }
            addMLP { part($0, $1, bias: $2) }
        }
        return shapes
    }

    private func addAttention(_ part: (_ name: String, _ shape: [Int], _ bias: Bool) -> Void) {
        let (queries, keys) = (heads * headSize, keyHeads * headSize)
        let hasBias = biases.queryKeyValue
        if queryKeyValue == .separate {
            part("attn_q", [queries, channels], hasBias)
            part("attn_k", [keys, channels], hasBias)
            part("attn_v", [keys, channels], hasBias)
        } else {
            part("attn_qkv", [queries + 2 * keys, channels], hasBias)
        }
        part("attn_output", [channels, queries], biases.attentionOutput)
        if normsHeads {
            part("attn_q_norm", [headSize], false)
            part("attn_k_norm", [headSize], false)
        }
    }

    private func addMLP(_ part: (_ name: String, _ shape: [Int], _ bias: Bool) -> Void) {
        if let experts {
            part("ffn_gate_inp", [experts.count, channels], false)
            part("ffn_gate_exps", [experts.count, hidden, channels], false)
            part("ffn_up_exps", [experts.count, hidden, channels], false)
            part("ffn_down_exps", [experts.count, channels, hidden], false)
            return
        }
        if isGated && !joinsGate { part("ffn_gate", [hidden, channels], biases.mlp) }
        let joined = isGated && joinsGate
        part("ffn_up", [joined ? 2 * hidden : hidden, channels], biases.mlp)
        part("ffn_down", [channels, hidden], biases.mlp)
    }
}
