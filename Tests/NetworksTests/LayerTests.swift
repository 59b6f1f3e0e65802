import Networks
import Tensors
import Testing

@Suite struct LayerTests {
    private func input(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
        var key = RandomKey(seed: seed)
        return key.normal(shape)
    }

    @Test func dropoutDropsInTrainingOnly() {
        let store = ParameterStore(seed: 1)
        let drop = Dropout(store.scope["a"], 0.25)
        let other = Dropout(store.scope["b"], 0.25)
        let x = Tensor.ones([40, 100])
        let context = Context(training: RandomKey(seed: 2))
        let y = drop(x, context)
        let kept = y.greater(0).cast(to: .f32).mean().item()
        #expect(abs(kept - 0.75) < 0.03)
        #expect(abs(y.mean().item() - 1) < 0.04)
        #expect(drop(x, context).bytes() == y.bytes())
        #expect(other(x, context).bytes() != y.bytes())
        #expect(drop(x, context.folded(1)).bytes() != y.bytes())
        #expect(drop(x, .evaluation).bytes() == x.bytes())
    }

    @Test func batchNormUsesTheBatchInTrainingAndWhatItSawInUse() {
        let store = ParameterStore(seed: 1)
        let norm = BatchNorm(store.scope, 3)
        let x = input([50, 3]) * 4 + 2
        let y = norm(x, Context(training: RandomKey(seed: 1)))
        #expect(y.mean(axes: [0]).norm().item() < 1e-5)
        for _ in 0..<100 { _ = norm(x, Context(training: RandomKey(seed: 1))) }
        let used = norm(x, .evaluation)
        #expect((used - y).norm(.infinity).item() < 0.05)
        #expect(store.buffers.count == 2)
        #expect(store.trainable.count == 2)
    }

    @Test(arguments: [Initializer.orthogonal, .kaimingNormal, .xavierUniform, .fanIn])
    func initialisersHaveTheirVariance(initializer: Initializer) {
        let w = initializer([200, 100], key: RandomKey(seed: 3), on: .cpu)
        let expected: Float =
            switch initializer {
            case .kaimingNormal: 2 / 100
            case .xavierUniform: 2 / 300
            case .fanIn: 1 / 300
            default: 1 / 200
            }
        #expect(abs(w.squared().mean().item() / expected - 1) < 0.03)
        if initializer == .orthogonal {
            let gram = w.transposed().matmul(w) - Tensor.eye(100)
            #expect(gram.norm(.infinity).item() < 1e-4)
        }
    }

    @Test func attentionSharesKeyHeadsAndTurnsByPosition() {
        let store = ParameterStore(seed: 1)
        let attention = SelfAttention(
            store.scope, channels: 32, heads: 4, keyHeads: 2, rope: .init())
        let x = input([2, 7, 32])
        let y = attention(x)
        #expect(y.shape == [2, 7, 32])
        // What comes later changes nothing before.
        let changed = Tensor.concatenated(
            [x.narrowed(1, start: 0, count: 5), input([2, 2, 32], seed: 8)], axis: 1)
        let early = attention(changed).narrowed(1, start: 0, count: 5)
        #expect((early - y.narrowed(1, start: 0, count: 5)).norm(.infinity).item() < 1e-5)
        // Rotary positions are relative.
        let shifted = attention(x, positions: Tensor.arange(7, start: 3, dtype: .i32))
        #expect((shifted - y).norm(.infinity).item() < 1e-4)
    }

    @Test func spectralWeightsHaveALargestSingularValueOfOne() throws {
        let store = ParameterStore(seed: 1)
        let layer = SpectralLinear(store.scope["l"], 20, 30, bias: false)
        let window = SpectralConv2D(store.scope["c"], 3, 8, kernel: 3, padding: 1)
        let training = Context(training: RandomKey(seed: 1))
        for _ in 0..<200 { _ = layer(Tensor.ones([1, 20]), training) }
        let w = layer(Tensor.eye(20), .evaluation)  // (20, 30): the weight turned
        #expect(abs(try w.svd().s[0].item() - 1) < 1e-3)
        let (_, gradients) = store.valueAndGradients {
            window(Tensor.ones([1, 5, 5, 3]), training).squared().sum()
                + layer(Tensor.ones([1, 20]), training).sum()
        }
        #expect(gradients.entries.allSatisfy { $0.gradient.norm().item() > 0 })
    }

    @Test func weightNormKeepsLengthsApart() {
        let store = ParameterStore(seed: 1)
        let layer = WeightNormLinear(store.scope, 6, 4, bias: false)
        let rows = layer(Tensor.eye(6)).transposed()
        for length in rows.norm(axes: [1]).scalars() { #expect(abs(length - 1) < 1e-5) }
    }

    @Test func aResidualBlockAndAttentionKeepTheSize() {
        let store = ParameterStore(seed: 1)
        let context = Context.evaluation
        let block = ResidualBlock(store.scope["r"], 8, 16, embedding: 12, groups: 4)
        let attention = PictureAttention(store.scope["a"], 16, heads: 2, groups: 4)
        let x = input([2, 6, 4, 8])
        let h = attention(block(x, input([2, 12]), context))
        #expect(h.shape == [2, 6, 4, 16])
        #expect(Upsample(store.scope["u"], 16)(h).shape == [2, 12, 8, 16])
        #expect(Downsample(store.scope["d"], 16)(h).shape == [2, 3, 2, 16])
    }

    @Test func lowRankAdditionsBeginAtNothingAndMerge() throws {
        let plain = ParameterStore(seed: 1)
        let base = Linear(plain.scope["a"], 6, 5)
        let plan = LowRankPlan(rank: 2, alpha: 4) { $0 == "a" }
        let (map, store) = try ParameterStore.load(Checkpoint(plain.snapshot())) {
            Linear($0["a"].adapting(plan), 6, 5)
        }
        let x = input([3, 6])
        #expect((map(x) - base(x)).norm(.infinity).item() == 0)
        store["a.lora_b"]?.assign(input([5, 2]))
        let merged = x.linear(map.mergedWeight, bias: map.bias?.value)
        #expect((map(x) - merged).norm(.infinity).item() < 1e-5)
        #expect((map(x) - base(x)).norm().item() > 0.1)
    }
}
