import CApus

extension CPUBackend {
    package func attention(_ call: Attention, into o: Tensor, logSumExp: Tensor) {
        withCall(call, o) { apus_attention_forward($0, logSumExp.pointer()) }
    }

    package func attentionGradient(
        _ call: Attention, o: Tensor, logSumExp: Tensor, g: Tensor, into: AttentionGradients
    ) {
        withCall(call, o) { c in
            withArrays(g, into.q, into.k, into.v) { a in
                apus_attention_backward(
                    c, a, logSumExp.pointer(), a + 1, a + 2, a + 3, into.mask?.pointer())
            }
        }
    }

    private func withCall(
        _ call: Attention, _ o: Tensor, _ body: (UnsafePointer<apus_attention>) -> Void
    ) {
        var c = apus_attention()
        (c.q, c.k, c.v, c.o) = (call.q.array, call.k.array, call.v.array, o.array)
        (c.scale, c.softcap, c.causal) = (call.scale, call.softcap, call.isCausal)
        (c.causal_offset, c.window) = (Int64(call.causalOffset), Int64(call.window))
        withExtendedLifetime((call, o)) {
            guard let mask = call.mask else { return body(&c) }
            withArrays(mask) {
                c.mask = $0
                body(&c)
            }
        }
    }

    package func rope(_ r: Rope, _ x: Tensor, inverse: Bool, into y: Tensor) {
        withArrays(x, y) {
            apus_rope(
                $0, r.cos.pointer(), r.sin.pointer(), r.cos.shape[0] > 1, Int64(r.dims),
                r.isInterleaved, inverse, $0 + 1)
        }
    }
}
