import Flows
import Networks
import Tensors
import Testing

@Suite struct FlowTests {
    /// Every parameter moved a little, so that nothing is at its neutral start.
    private func disturb(_ store: ParameterStore) {
        var key = RandomKey(seed: 5)
        for parameter in store.trainable {
            let noise = key.normal(parameter.shape, deviation: 0.05, on: store.device)
            parameter.update { $0 = $0 + noise }
        }
    }

    private func check(_ flow: some Flow, _ shape: [Int], _ device: Device) {
        var key = RandomKey(seed: 6)
        let x = key.normal(shape, on: device)
        let (z, logDeterminant) = flow.forward(x, .evaluation)
        #expect(z.count == x.count)
        #expect(logDeterminant.shape == [shape[0]])
        #expect((flow.inverse(z, .evaluation) - x).norm(.infinity).item() < 1e-3)
    }

    @Test(arguments: Device.all, [2, 3, 6])
    func realNVPComesBack(device: Device, dimensions: Int) {
        let store = ParameterStore(seed: 1, on: device)
        let flow = RealNVP(store.scope, .init(dimensions: dimensions, couplings: 4, hidden: 16))
        disturb(store)
        check(flow, [5, dimensions], device)
    }

    @Test(arguments: Device.all, [0, 1, 2])
    func glowComesBack(device: Device, scales: Int) {
        let store = ParameterStore(seed: 1, on: device)
        let flow = Glow(store.scope, .init(channels: 2, scales: scales, steps: 2, hidden: 8))
        disturb(store)
        check(flow, [3, 8, 8, 2], device)
    }

    /// The determinant is that of the Jacobian by finite differences.
    @Test func determinantsAreThoseOfTheMap() throws {
        let store = ParameterStore(seed: 1)
        let flow = RealNVP(store.scope, .init(dimensions: 3, couplings: 3, hidden: 8))
        disturb(store)
        let x = Tensor([0.3, -0.4, 0.9] as [Float], shape: [1, 3])
        let columns = (0..<3).map { i in
            let step = Tensor.eye(3)[i].expandingAxis(0) * 1e-2
            let high = flow.forward(x + step, .evaluation).z
            let low = flow.forward(x - step, .evaluation).z
            return ((high - low) / 2e-2).squeezed(0)
        }
        let expected = try Tensor.stacked(columns).slogdet().logAbs.item()
        let actual = flow.forward(x, .evaluation).logDeterminant.item()
        #expect(abs(actual - expected) < 2e-3)
    }
}
