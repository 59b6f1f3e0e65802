import Files

/// What the tensors of BERT and T5 are called in Hugging Face folders and in GGUF files.
struct EncoderNames: Sendable {
    /// Paths of GGUF files by those of folders, and the reverse; # stands for the number of a layer.
    private let (gguf, hub): ([String: String], [String: String])

    private init(_ pairs: [(hub: String, gguf: String)]) {
        gguf = Dictionary(uniqueKeysWithValues: pairs.map { ($0.hub, $0.gguf) })
        hub = Dictionary(uniqueKeysWithValues: pairs.map { ($0.gguf, $0.hub) })
    }

    static let bert = EncoderNames([
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.position_embeddings", "position_embd"),
        ("embeddings.token_type_embeddings", "token_types"),
        ("embeddings.LayerNorm", "token_embd_norm"),
        ("encoder.layer.#.attention.self.query", "blk.#.attn_q"),
        ("encoder.layer.#.attention.self.key", "blk.#.attn_k"),
        ("encoder.layer.#.attention.self.value", "blk.#.attn_v"),
        ("encoder.layer.#.attention.output.dense", "blk.#.attn_output"),
        ("encoder.layer.#.attention.output.LayerNorm", "blk.#.attn_output_norm"),
        ("encoder.layer.#.intermediate.dense", "blk.#.ffn_up"),
        ("encoder.layer.#.output.dense", "blk.#.ffn_down"),
        ("encoder.layer.#.output.LayerNorm", "blk.#.layer_output_norm"),
    ])

    /// - Parameter gated: whether the inner map is a product of two.
    static func t5(gated: Bool) -> EncoderNames {
        var pairs = [("shared", "token_embd"), ("lm_head", "output")]
        for (side, short) in [("encoder", "enc"), ("decoder", "dec")] {
            let (block, own) = ("\(side).block.#.layer", "\(short).blk.#")
            func attention(_ place: Int, _ name: String, _ part: String) {
                for letter in ["q", "k", "v", "o"] {
                    pairs.append(
                        ("\(block).\(place).\(name).\(letter)", "\(own).\(part)_\(letter)"))
                }
                pairs.append(("\(block).\(place).layer_norm", "\(own).\(part)_norm"))
            }
            attention(0, "SelfAttention", "attn")
            pairs.append(
                ("\(block).0.SelfAttention.relative_attention_bias", "\(own).attn_rel_b"))
            if side == "decoder" { attention(1, "EncDecAttention", "cross_attn") }
            let last = side == "decoder" ? 2 : 1
            let map = "\(block).\(last).DenseReluDense"
            pairs += gated ? [("\(map).wi_0", "\(own).ffn_gate")] : []
            pairs.append(("\(map).\(gated ? "wi_1" : "wi")", "\(own).ffn_up"))
            pairs.append(("\(map).wo", "\(own).ffn_down"))
            pairs.append(("\(block).\(last).layer_norm", "\(own).ffn_norm"))
            pairs.append(("\(side).final_layer_norm", "\(short).output_norm"))
        }
        return EncoderNames(pairs.map { (hub: $0.0, gguf: $0.1) })
    }

    /// The name in a GGUF file of a folder's tensor; nil for one that is not known.
    func gguf(_ name: String) -> String? { EncoderNames.changed(name, gguf) }

    /// The reverse.
    func hub(_ name: String) -> String? { EncoderNames.changed(name, hub) }

    private static func changed(_ name: String, _ paths: [String: String]) -> String? {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        var words = name[..<dot].split(separator: ".", omittingEmptySubsequences: false)
        // The layer's is the first number.
        let place = words.firstIndex { !$0.isEmpty && $0.allSatisfy(\.isWholeNumber) }
        let layer = place.map { words[$0] } ?? ""
        if let place { words[place] = "#" }
        guard let path = paths[words.joined(separator: ".")] else { return nil }
        return path.replacing("#", with: layer) + name[dot...]
    }
}
