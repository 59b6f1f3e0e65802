import Support
import Tensors
import Testing

@Suite struct AutogradTests {
    @Test func gradientOfAComposition() {
        let x = Tensor([1, 2, 3] as [Float])
        let (value, gradients) = valueAndGradient(at: [x]) { p in (p[0].squared() * 2).sum() }
        #expect(value.item() == 28)
        #expect(gradients[0].scalars() == [4, 8, 12])
    }

    @Test func sharedValuesAddUp() {
        let (_, g) = valueAndGradient(at: [Tensor(3)]) { p in p[0] * p[0] + p[0] }
        #expect(g[0].item() == 7)
    }

    @Test func secondAndThirdDerivatives() {
        let x = Tensor(2).tracked
        let first = (x * x * x * x).gradients(at: [x], createGraph: true)[0]
        let second = first.gradients(at: [x], createGraph: true)[0]
        let third = second.gradients(at: [x])[0]
        #expect([first, second, third].map { $0.item() } == [32, 48, 48])
    }

    @Test func noGradRecordsNothing() {
        let x = Tensor(2).tracked
        #expect(!noGrad { x * x }.isTracked)
        #expect((x * x).isTracked)
        #expect(!(x * x).detached.isTracked)
    }

    @Test func anUnusedParameterHasZeroGradient() {
        let (_, g) = valueAndGradient(at: [Tensor(1), Tensor([1, 2] as [Float])]) { p in p[0] * 2 }
        #expect(g[1].scalars() == [0, 0])
    }

    @Test func aDeepGraphNeedsNoDeepStack() {
        let x = Tensor(1).tracked
        var y = x
        for _ in 0..<300_000 { y = y + 0 }
        #expect(y.gradients(at: [x])[0].item() == 1)
    }

    /// Second derivatives of fused ops: the gradient of |∇f|² against finite differences of it.
    @Test(arguments: SecondOrderCase.all)
    func gradientsOfGradients(test: SecondOrderCase) {
        var key = RandomKey(seed: 7)
        let x = key.normal(test.shape).tracked
        func penalty(_ x: Tensor) -> Tensor {
            let leaf = x.isTracked ? x : x.tracked
            return test.function(leaf).gradients(at: [leaf], createGraph: true)[0].squared().sum()
        }
        let analytic = penalty(x).gradients(at: [x])[0].scalars()
        let numeric = finiteDifferences(at: x.detached, step: 2e-3) { penalty($0).item() }
        for (a, n) in zip(analytic, numeric) {
            #expect(
                (a - n).magnitude <= 0.02 + 0.03 * n.magnitude,
                "\(test.name): \(a), numerically \(n)")
        }
    }
}

/// A scalar function whose gradient is to be differentiated.
struct SecondOrderCase: Sendable, CustomTestStringConvertible {
    let name: String
    let shape: [Int]
    let function: @Sendable (Tensor) -> Tensor
    var testDescription: String { name }

    static let all: [SecondOrderCase] = [
        .init(name: "softmax", shape: [2, 4]) { ($0.softmax().squared() * 3).sum() },
        .init(name: "logSoftmax", shape: [2, 4]) { $0.logSoftmax().squared().sum() },
        .init(name: "layerNorm", shape: [2, 6]) {
            ($0.layerNorm() * Tensor.arange(6) * 0.2).squared().sum()
        },
        .init(name: "rmsNorm", shape: [2, 6]) {
            ($0.rmsNorm() * Tensor.arange(6) * 0.2).squared().sum()
        },
        .init(name: "groupNorm", shape: [1, 3, 4]) {
            ($0.groupNorm(2) * Tensor.arange(4) * 0.3).squared().sum()
        },
        .init(name: "gelu", shape: [5]) { $0.gelu().squared().sum() },
        .init(name: "silu", shape: [5]) { $0.silu().squared().sum() },
        .init(name: "matmul", shape: [3, 3]) { $0.matmul($0).squared().sum() * 0.1 },
        .init(name: "conv2d", shape: [1, 4, 4, 2]) {
            $0.conv2d(Tensor.arange(36, start: -1, step: 0.06).reshaped([2, 3, 3, 2]), padding: 1)
                .squared().sum() * 0.1
        },
        .init(name: "attention", shape: [1, 2, 3, 4]) {
            $0.attention($0 * 0.5, $0, causal: .topLeft).squared().sum()
        },
        .init(name: "crossEntropy", shape: [3, 4]) {
            $0.crossEntropy(Tensor([0, 3, 1] as [Int32]))
        },
        .init(name: "logSumExp", shape: [3, 4]) { $0.logSumExp(axes: [1]).squared().sum() },
        .init(name: "norm", shape: [3, 4]) {
            $0.norm(axes: [1]).squared().sum() * 0.5 + $0.norm(axes: [0]).sum()
        },
    ]
}
