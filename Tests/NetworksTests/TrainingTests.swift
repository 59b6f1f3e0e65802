import Networks
import Tensors
import Testing

@Suite struct TrainingTests {
    static let rules: [any DecayingRule] = [
        SGD(momentum: 0.9), SGD(momentum: 0.9, nesterov: true), Adam(), Adam(amsgrad: true),
        AdamW(),
        RMSprop(momentum: 0.5, centered: true), Adagrad(), Lion(),
    ]

    static func regression(_ device: Device, seed: UInt64 = 1) -> (Small, ParameterStore, Tensor) {
        let store = ParameterStore(seed: seed, on: device)
        var key = RandomKey(seed: 9)
        return (Small(store.scope), store, key.normal([16, 4], on: device))
    }

    @Test(arguments: Device.all)
    func aSmallNetworkLearns(device: Device) {
        let (model, store, x) = Self.regression(device)
        let target = x.narrowed(1, start: 0, count: 3).squared()
        var optimiser = Optimiser(store.trainable, AdamW(weightDecay: 0), decay: .matrices)
        var losses: [Float] = []
        for _ in 0..<100 {
            let (loss, gradients) = store.valueAndGradients { model(x).mseLoss(target) }
            optimiser.step(gradients, lr: 0.02)
            losses.append(loss.item())
        }
        #expect(losses[99] < 0.05 * losses[0], "\(losses[0]) to \(losses[99])")
    }

    /// After some steps the caching allocator serves everything. In a process of its own: other tests allocate too.
    @Test func aSteadyStepAsksTheSystemForNothing() async {
        await #expect(processExitsWith: .success) {
            for device in Device.all {
                for precision in [Precision.f32, .bf16] { checkSteadyState(device, precision) }
            }
        }
    }

    @Test(arguments: rules.indices)
    func anOptimiserContinuesBitForBit(rule: Int) throws {
        let rule = Self.rules[rule]
        func run(
            _ steps: Range<Int>, _ optimiser: inout Optimiser, _ s: (Small, ParameterStore, Tensor)
        ) {
            for step in steps {
                let x = s.2 * Float(step)
                let (_, gradients) = s.1.valueAndGradients { s.0(x).squared().mean() }
                optimiser.step(gradients, lr: 0.01)
            }
        }
        func optimiser(_ store: ParameterStore) -> Optimiser {
            Optimiser(store.trainable, rule: { _ in rule })
        }
        let whole = Self.regression(.cpu)
        var first = optimiser(whole.1)
        run(1..<4, &first, whole)
        let saved = Dictionary(
            uniqueKeysWithValues: first.tensors().map { ($0.name, $0.tensor) })
        let resumed = Self.regression(.cpu, seed: 2)
        try resumed.1.restore(Checkpoint(whole.1.snapshot()))
        var second = optimiser(resumed.1)
        try second.restore(saved)
        run(4..<7, &first, whole)
        run(4..<7, &second, resumed)
        for (a, b) in zip(whole.1.all, resumed.1.all) {
            #expect(a.value.bytes() == b.value.bytes(), "\(a.name)")
        }
    }

    @Test func accumulatedGradientsAreThoseOfTheWholeBatch() {
        let (model, store, x) = Self.regression(.cpu)
        let whole = store.valueAndGradients { model(x).squared().mean() }.gradients
        var sum: Gradients?
        for part in x.split([8, 8]) {
            var gradients = store.valueAndGradients { model(part).squared().mean() }.gradients
            if sum == nil {
                gradients.scale(0.5)
                sum = gradients
            } else {
                sum?.add(gradients, weight: 0.5)
            }
        }
        for (a, b) in zip(sum?.entries ?? [], whole.entries) {
            #expect((a.gradient - b.gradient).norm(.infinity).item() < 1e-6)
        }
    }

    @Test(arguments: Device.all)
    func checkpointedLayersHaveTheSameGradients(device: Device) {
        let store = ParameterStore(seed: 1, on: device)
        let layers = (0..<3).map { Linear(store.scope[$0], 6, 6) }
        let dropout = Dropout(store.scope["drop"], 0.5)
        var key = RandomKey(seed: 2)
        let x = key.normal([4, 6], on: device)
        let context = Context(training: RandomKey(seed: 3))
        let plain = store.valueAndGradients {
            layers.reduce(x) { dropout($1($0).silu(), context) }.squared().sum()
        }
        let kept = store.valueAndGradients {
            layers.reduce(x) { x, layer in
                context.checkpoint(x) { dropout(layer($0).silu(), $1) }
            }.squared().sum()
        }
        #expect(plain.value.item() == kept.value.item())
        for (a, b) in zip(plain.gradients.entries, kept.gradients.entries) {
            #expect(a.gradient.bytes() == b.gradient.bytes(), "\(a.parameter.name)")
        }
    }

    @Test func aLossScaleFallsOnOverflowAndGrowsAfterGoodSteps() {
        var scale = LossScale(1024, growthInterval: 3)
        let taken = [Float.infinity, 1, 1, 1, .nan].map { scale.accepts($0) }
        #expect(taken == [false, true, true, true, false])
        #expect(scale.value == 512)
        var none = LossScale.none
        let accepted = none.accepts(.infinity)
        #expect(accepted && none.value == 1)
    }

    @Test func averagesStandInForAWhile() {
        let (_, store, _) = Self.regression(.cpu)
        var average = ExponentialAverage(store.trainable, decay: 0.5)
        let start = store.trainable[0].value.scalars()
        store.trainable[0].update { $0 = $0 + 1 }
        average.update()
        let inside = average.whileApplied { store.trainable[0].value.scalars() }
        let outside = store.trainable[0].value.scalars()
        for i in start.indices {
            #expect(abs(inside[i] - start[i] - 0.5) < 1e-6)
            #expect(abs(outside[i] - start[i] - 1) < 1e-6)
        }
    }
}

private func checkSteadyState(_ device: Device, _ precision: Precision) {
    let (model, store, x) = TrainingTests.regression(device)
    let input = x.cast(to: precision.dtype)
    var optimiser = Optimiser(store.trainable, AdamW())
    var average = ExponentialAverage(store.trainable, decay: 0.9)
    func step() {
        var (_, gradients) = store.valueAndGradients {
            model(input).cast(to: .f32).squared().mean()
        }
        gradients.clip(norm: 0.01)
        optimiser.step(gradients, lr: 0.01)
        average.update()
    }
    for _ in 0..<4 { step() }
    let before = device.memory
    for _ in 0..<10 { step() }
    precondition(device.memory.systemRequests == before.systemRequests, "requests on \(device)")
    precondition(device.memory.inUse == before.inUse, "a leak on \(device)")
}
