import Files
import Networks
import Tensors
import Testing

/// A small network: two linear maps with a norm between.
struct Small: Sendable {
    let first: Linear
    let norm: LayerNorm
    let second: Linear

    init(_ scope: ParameterScope, width: Int = 8) {
        first = Linear(scope["first"], 4, width)
        norm = LayerNorm(scope["norm"], width)
        second = Linear(scope["second"], width, 3)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { second(norm(first(x)).silu()) }
}

@Suite struct ParameterTests {
    @Test func namesAreThoseOfTheScopesInOrder() {
        let store = ParameterStore(seed: 1)
        _ = Small(store.scope)
        #expect(
            store.all.map(\.name) == [
                "first.weight", "first.bias", "norm.weight", "norm.bias", "second.weight",
                "second.bias",
            ])
        #expect(store.count == 4 * 8 + 8 + 8 + 8 + 8 * 3 + 3)
    }

    @Test func aSeedGivesTheSameValuesAndAnotherOthers() {
        func values(_ seed: UInt64) -> [Float] {
            let store = ParameterStore(seed: seed)
            _ = Small(store.scope)
            return store["first.weight"]?.value.scalars() ?? []
        }
        #expect(values(1) == values(1))
        #expect(values(1) != values(2))
    }

    @Test func aSavedStoreLoadsWithTheSameBits() throws {
        let path = "/tmp/apus-parameters-\(UInt32.random(in: 0 ... .max)).safetensors"
        let store = ParameterStore(seed: 3)
        _ = Small(store.scope)
        try store.save(to: path)
        let checkpoint = Checkpoint(try SafetensorsFile(path: path))
        let (_, loaded) = try ParameterStore.load(checkpoint) { Small($0) }
        for (a, b) in zip(store.all, loaded.all) {
            #expect(a.name == b.name)
            #expect(a.value.bytes() == b.value.bytes())
        }
    }

    @Test func allThatDoesNotFitIsNamedAtOnce() throws {
        let store = ParameterStore(seed: 3)
        _ = Small(store.scope)
        var tensors = store.snapshot()
        tensors["norm.weight"] = nil
        tensors["norm.scale"] = .ones([8])
        tensors["second.bias"] = .ones([4])
        let error = #expect(throws: CheckpointError.self) {
            try ParameterStore.load(Checkpoint(tensors, origin: "a.file")) { Small($0) }
        }
        #expect(
            error?.problems == [
                .missing("norm.weight", [8]), .misshapen("second.bias", [4], [3]),
                .extra("norm.scale"),
            ])
        #expect(error?.description.contains("norm.weight [8] is missing") == true)
    }

    @Test func filesHavePyTorchsLayouts() throws {
        let store = ParameterStore(seed: 4)
        let convolution = Conv2D(store.scope["c"], 3, 5, kernel: Pair(2, 4))
        let linear = Linear(store.scope["l"], 2 * 3 * 4, 6, flattening: 4)
        let file = Dictionary(
            uniqueKeysWithValues: store.fileTensors().map { ($0.name, $0.tensor) })
        #expect(convolution.weight.shape == [5, 2, 4, 3])
        #expect(file["c.weight"]?.shape == [5, 3, 2, 4])
        // Element (o, h, w, c) of the flattened input stands at (o, c, h, w) in the file.
        let own = linear.weight.value.reshaped([6, 2, 3, 4]).permuted([0, 3, 1, 2])
        #expect(file["l.weight"]?.scalars() == own.scalars())
    }

    @Test func aFrozenParameterGetsNoGradient() {
        let store = ParameterStore(seed: 5)
        let model = Small(store.scope)
        let x = Tensor.ones([2, 4]).tracked
        let names = store.frozen { store.trainable.map(\.name) }
        #expect(names.isEmpty)
        let g = store.frozen { model(x).sum().gradients(at: [x])[0] }
        #expect(g.norm().item() > 0)
        #expect(store.trainable.count == 6)
    }

    @Test func narrowWeightsAreCastOnceAndTheirGradientsAreF32() {
        let store = ParameterStore(seed: 6)
        let model = Small(store.scope)
        let x = Tensor.ones([2, 4]).cast(to: .bf16)
        let (loss, gradients) = store.valueAndGradients { model(x).cast(to: .f32).squared().mean() }
        #expect(loss.dtype == .f32)
        #expect(gradients.entries.allSatisfy { $0.gradient.dtype == .f32 })
        let wide = store.valueAndGradients { model(Tensor.ones([2, 4])).squared().mean() }
        for (a, b) in zip(gradients.entries, wide.gradients.entries) {
            let error = (a.gradient - b.gradient).norm().item()
            #expect(error < 0.03 * max(b.gradient.norm().item(), 0.1), "\(a.parameter.name)")
        }
    }

    @Test(arguments: Device.all)
    func aQuantisedModelStaysNear(device: Device) {
        let store = ParameterStore(seed: 7, on: device)
        let model = Linear(store.scope, 64, 32)
        var key = RandomKey(seed: 1)
        let x = key.normal([5, 64], on: device)
        let before = model(x)
        model.weight.quantize { QuantizedTensor(int8Rows: $0) }
        #expect(model.weight.isQuantized)
        #expect((model(x) - before).norm().item() < 0.02 * before.norm().item())
        #expect(store.trainable.count == 1)
    }
}
