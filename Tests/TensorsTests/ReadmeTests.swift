import Tensors
import Testing

/// The README's example, line by line, on every device.
@Suite struct ReadmeTests {
    @Test func theExampleLearnsOnTheCPU() {
        #expect(trainHalfMoons() > 0.97)
    }

    @Test(.enabled(if: Device.openCLCount > 0))
    func theExampleLearnsOnOpenCL() throws {
        #expect(Device.with(try .opencl(0)) { trainHalfMoons() } > 0.97)
    }

    private func trainHalfMoons() -> Float {
        // Two interleaved half moons: points x (N, 2) with a little noise, and which moon each belongs to.
        var random = RandomKey(seed: 1)
        let n = 512
        let angle = random.uniform([n], high: .pi)
        let moon = random.bernoulli([n], probability: 0.5).cast(to: .f32)
        let sign = 1 - moon * 2
        let clean = Tensor.stacked(
            [cos(angle) * sign + moon, sin(angle) * sign + moon * 0.5], axis: 1)
        let x = clean + random.normal([n, 2], deviation: 0.1)
        let label = moon.cast(to: .i32)

        // A network 2 -> 32 -> 2.
        var parameters = [
            random.normal([32, 2]), Tensor.zeros([32]),
            random.normal([2, 32], deviation: 0.2), Tensor.zeros([2]),
        ]
        func logits(_ p: [Tensor]) -> Tensor {
            tanh(x.linear(p[0], bias: p[1])).linear(p[2], bias: p[3])
        }

        var states = parameters.map { AdamState(for: $0) }
        for step in 1...300 {
            let (loss, gradients) = valueAndGradient(at: parameters) {
                logits($0).crossEntropy(label)
            }
            for i in parameters.indices {
                adamStep(&parameters[i], gradient: gradients[i], state: &states[i], lr: 0.02)
            }
            if step % 100 == 0 { print("step \(step): loss \(loss.item())") }
        }
        let correct = logits(parameters).argmax(axis: 1).equal(label).cast(to: .f32)
        return correct.mean().item()
    }
}
