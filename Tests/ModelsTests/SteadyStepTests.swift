import Networks
import Tensors
import Testing

@Suite struct SteadyStepTests {
    /// After a few steps all memory comes from the allocator's cache. In a process of its own, since tests share the
    /// allocator.
    @Test func aTrainingStepAsksTheSystemForNoMemory() async {
        await #expect(processExitsWith: .success) {
            for precision in [Precision.f32, .bf16] {
                for model in ModelCase.all {
                    let store = ParameterStore(seed: 1, on: .cpu)
                    let loss = model.build(store.scope)
                    var optimiser = Optimiser(store.trainable, AdamW())
                    var requests = 0
                    for step in 0..<6 {
                        if step == 3 { requests = Device.cpu.memory.systemRequests }
                        let context = Context(
                            training: RandomKey(seed: 2).folded(step), precision: precision)
                        let (_, gradients) = store.valueAndGradients { loss(context) }
                        optimiser.step(gradients, lr: 1e-3)
                    }
                    let more = Device.cpu.memory.systemRequests - requests
                    require(more == 0, "\(model.name) \(precision): \(more) requests")
                }
            }
        }
    }
}
