import Files
import Networks
import Tensors
import Testing

@Suite struct QuantizedStoreTests {
    /// One of each kind of layer that takes quantised weights.
    struct Net: Sendable {
        let table: Embedding
        let map: Linear
        let window: Conv2D
        let point: Conv2D
        let up: ConvTranspose2D

        init(_ scope: ParameterScope) {
            table = Embedding(scope["table"], 37, 64)
            map = Linear(scope["map"], 64, 96)
            window = Conv2D(scope["window"], 6, 32, kernel: 3, padding: 1)
            point = Conv2D(scope["point"], 32, 64, kernel: 1)
            up = ConvTranspose2D(scope["up"], 64, 32, kernel: 2, stride: 2)
        }

        func callAsFunction(_ ids: Tensor) -> Tensor {
            let h = map(table(ids)).reshaped([ids.count, 4, 4, 6])
            return up(point(window(h, activation: .relu)))
        }
    }

    static let formats = ["int8", "int4", "q4", "q8_0", "q4_K"].compactMap { WeightFormat($0) }

    @Test(arguments: formats, Device.all)
    func staysNearAndIsSavedAsItIs(format: WeightFormat, device: Device) throws {
        let store = ParameterStore(seed: 1, on: device)
        let net = Net(store.scope)
        let ids = Tensor([0, 5, 36, 17] as [Int32], on: device)
        let before = net(ids)
        let share = store.quantize(format)
        #expect(share < 0.6)
        #expect(!net.up.weight.isQuantized)
        let after = net(ids)
        let error = (after - before).norm().item() / before.norm().item()
        #expect(error < (format == .int8 ? 0.03 : 0.15), "\(format): \(error)")

        let path = "/tmp/apus-quantized-\(UInt32.random(in: 0 ... .max)).safetensors"
        try store.save(to: path)
        let checkpoint = Checkpoint(try SafetensorsFile(path: path))
        let (loaded, _) = try ParameterStore.load(checkpoint, on: device) { Net($0) }
        #expect(loaded(ids).bytes() == after.bytes())
        let other = ParameterStore(seed: 2, on: device)
        let restored = Net(other.scope)
        try other.restore(checkpoint)
        #expect(restored(ids).bytes() == after.bytes())
    }

    @Test func formatsHaveNames() {
        for format in Self.formats { #expect(WeightFormat("\(format)") == format) }
        #expect(WeightFormat("q3") == nil)
        #expect(WeightFormat("int4:33") == nil)
    }
}
