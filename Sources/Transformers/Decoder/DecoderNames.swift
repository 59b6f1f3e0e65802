/// What a family calls a decoder's parameters. Paths in a layer follow "LAYERS.NUMBER.". Those of Llama unless set.
struct DecoderNames: Sendable {
    var embedding = "model.embed_tokens"
    var positions = ""
    var layers = "model.layers"
    var norm = "model.norm"
    var head = "lm_head"

    var attentionNorm = "input_layernorm"
    var query = "self_attn.q_proj"
    var key = "self_attn.k_proj"
    var value = "self_attn.v_proj"
    var queryKeyValue = "self_attn.qkv_proj"
    var queryNorm = "self_attn.q_norm"
    var keyNorm = "self_attn.k_norm"
    var attentionOutput = "self_attn.o_proj"
    var attentionResultNorm = "post_attention_layernorm"

    var mlpNorm = "post_attention_layernorm"
    var gate = "mlp.gate_proj"
    var up = "mlp.up_proj"
    var gateUp = "mlp.gate_up_proj"
    var down = "mlp.down_proj"
    var mlpResultNorm = "post_feedforward_layernorm"

    var router = "block_sparse_moe.gate"
    /// Followed by the expert's number and its maps.
    var experts = "block_sparse_moe.experts"
    var expertGate = "w1"
    var expertUp = "w3"
    var expertDown = "w2"
}

extension DecoderNames {
    /// The same in a part of a larger model.
    func prefixed(_ prefix: String) -> DecoderNames {
        var names = self
        names.embedding = prefix + embedding
        names.positions = prefix + positions
        names.layers = prefix + layers
        names.norm = prefix + norm
        names.head = prefix + head
        return names
    }
}
