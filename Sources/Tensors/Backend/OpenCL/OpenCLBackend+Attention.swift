import CApus

extension OpenCLBackend {
    package func attention(_ call: Attention, into o: Tensor, logSumExp: Tensor) {
        let size = AttentionSize(call)
        let tile = attentionTile(size, isGradient: false)
        let splits = keySplits(size, tile)
        let groups = roundedUp(size.rows, tile.bm)
        let partial =
            splits > 1 ? scratch([size.batch * size.heads, splits, size.rows, size.dv + 2]) : nil
        launch(
            "attention", "attention",
            options(call, size) + tile.options + [("SPLIT", splits > 1 ? 1 : 0)],
            arguments(call, size) + strided(o) + [
                .tensor(logSumExp), .optional(partial), .long(roundedUp(size.keys, splits)),
            ],
            global: [tile.tx * groups, tile.ty * splits, size.batch * size.heads],
            local: [tile.tx, tile.ty, 1])
        guard let partial else { return }
        launch(
            "attention", "attention_join", options(call, size) + tile.options,
            [
                .long(size.heads), .long(size.group), .long(size.queries), .long(splits),
                .tensor(partial),
            ]
                + strided(o) + [.tensor(logSumExp)],
            global: [size.dv, size.rows, size.batch * size.heads], local: [min(32, size.dv), 1, 1])
    }

    package func attentionGradient(
        _ call: Attention, o: Tensor, logSumExp: Tensor, g: Tensor, into: AttentionGradients
    ) {
        let size = AttentionSize(call)
        let tile = attentionTile(size, isGradient: true)
        let all = options(call, size) + tile.options + [("DMASK", into.mask == nil ? 0 : 1)]
        let delta = scratch(logSumExp.shape)
        launch(
            "attention", "attention_delta", all,
            [.long(size.heads * size.group), .long(size.queries)] + strided(o) + strided(g)
                + [.tensor(delta)],
            global: [size.queries, size.heads * size.group, size.batch], local: [1, 1, 1])
        let operands = arguments(call, size) + strided(g) + [.tensor(logSumExp), .tensor(delta)]
        let pairs = size.batch * size.heads
        launch(
            "attention", "attention_gradient_q", all,
            operands + strided(into.q) + [.optional(into.mask)],
            global: [tile.tx * roundedUp(size.rows, tile.bm), tile.ty, pairs],
            local: [tile.tx, tile.ty, 1])
        launch(
            "attention", "attention_gradient_kv", all, operands + strided(into.k) + strided(into.v),
            global: [tile.tx * roundedUp(size.keys, tile.bm), tile.ty, pairs],
            local: [tile.tx, tile.ty, 1])
    }

    package func rope(_ r: Rope, _ x: Tensor, inverse: Bool, into y: Tensor) {
        guard y.count > 0 else { return }
        let (batch, heads, positions, d) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
        let pairs = r.dims / 2
        let items = max(pairs, d - r.dims)
        launch(
            "rope", "rope",
            [
                ("X_TYPE", x.dtype.option), ("INTERLEAVED", r.isInterleaved ? 1 : 0),
                ("INVERSE", inverse ? 1 : 0),
            ],
            [.long(heads), .long(positions), .long(d), .long(r.dims)] + strided(x) + [
                .tensor(r.cos), .tensor(r.sin), .long(r.cos.shape[0] > 1 ? positions * pairs : 0),
            ] + strided(y),
            global: [items, positions, batch * heads], local: [min(32, items), 1, 1])
    }

    // MARK: arguments

    /// A tensor with its strides, in its own axes.
    private func strided(_ x: Tensor) -> [KernelArgument] {
        [.tensor(x), .axes(apus_cl_axes(x.layout.strides))]
    }

    private func options(_ call: Attention, _ size: AttentionSize) -> KernelOptions {
        [
            ("X_TYPE", call.q.dtype.option), ("D", size.d), ("DV", size.dv),
            ("MASK", call.mask == nil ? 0 : 1), ("MASK_TYPE", call.mask?.dtype.option ?? 0),
            ("SOFTCAP", call.softcap > 0 ? 1 : 0),
        ]
    }

    private func arguments(_ call: Attention, _ size: AttentionSize) -> [KernelArgument] {
        [
            .long(size.heads), .long(size.group), .long(size.queries), .long(size.keys),
            .float(call.scale), .float(call.softcap), .int(call.isCausal ? 1 : 0),
            .long(call.causalOffset), .long(call.window),
        ] + strided(call.q) + strided(call.k) + strided(call.v)
            + (call.mask.map(strided) ?? [.absent, .axes(apus_cl_axes())])
    }

    // MARK: tiles

    /// What `apus tune` found, else work-groups as large as local memory allows; on a CPU one item
    /// with wide vectors.
    private func attentionTile(_ size: AttentionSize, isGradient: Bool) -> AttentionTile {
        let shapes = TuningStore.attentionClass(rows: size.rows, headSize: size.d)
        if !isGradient, let tile = tuning["attention", shapes].flatMap({ AttentionTile($0) }),
            4 * tile.localFloats(size, isGradient: false) <= description.localMemory
        {
            return tile
        }
        if description.isCPU { return AttentionTile(tx: 1, ty: 1, rm: 8, bn: 32, vec: 16) }
        var tile = AttentionTile(tx: 8, ty: 8, rm: 4, bn: 32, vec: 4)
        while tile.rm > 1
            && 4 * tile.localFloats(size, isGradient: isGradient) > description.localMemory
        {
            tile.rm /= 2
        }
        return tile
    }

    /// Pieces of the keys, where rows alone do not fill the device (decoding).
    private func keySplits(_ size: AttentionSize, _ tile: AttentionTile) -> Int {
        let groups = roundedUp(size.rows, tile.bm) * size.batch * size.heads
        let wanted = description.isCPU ? description.computeUnits : 4 * description.computeUnits
        return max(1, min(wanted / max(1, groups), size.keys / (8 * tile.bn)))
    }
}

/// The lengths of an attention call: `rows` queries of a key head's whole group.
private struct AttentionSize {
    let batch, heads, group, queries, keys, d, dv: Int
    var rows: Int { group * queries }

    init(_ call: Attention) {
        (batch, heads) = (call.k.shape[0], call.k.shape[1])
        group = call.q.shape[1] / call.k.shape[1]
        (queries, keys) = (call.q.shape[2], call.k.shape[2])
        (d, dv) = (call.q.shape[3], call.v.shape[3])
    }
}

/// See Kernels/attention.cl.
private struct AttentionTile {
    var tx, ty, rm, bn, vec: Int
    var bm: Int { ty * rm }

    var options: KernelOptions { [("TX", tx), ("TY", ty), ("RM", rm), ("BN", bn), ("VEC", vec)] }

    func localFloats(_ size: AttentionSize, isGradient: Bool) -> Int {
        func wide(_ n: Int) -> Int { roundedUp(n, tx * vec) * tx * vec + vec }
        let own = (isGradient ? size.d + size.dv : size.d) * (bm + vec)
        let longest = max(size.d, size.dv)
        return own + max(longest * (bn + vec), bn * wide(longest)) + bn * (bm + vec) + tx * bm
    }
}

extension AttentionTile {
    /// From what is stored; nil if a size is missing or the sizes do not fit each other.
    fileprivate init?(_ defines: TuningStore.Defines) {
        guard let tx = defines["TX"], let ty = defines["TY"], let rm = defines["RM"],
            let bn = defines["BN"], let vec = defines["VEC"], min(tx, ty, rm, bn, vec) > 0,
            ty * rm <= bn, bn % (tx * vec) == 0
        else { return nil }
        self.init(tx: tx, ty: ty, rm: rm, bn: bn, vec: vec)
    }
}
