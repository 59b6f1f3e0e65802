import Tensors
import Testing

/// bf16 and f16 ops agree with f32 on the same rounded inputs, forward and backward.
@Suite struct NarrowFloatTests {
    @Test(arguments: NarrowCase.all, [DType.bf16, .f16])
    func agreesWithF32(test: NarrowCase, dtype: DType) throws {
        for device in Device.all {
            var key = RandomKey(seed: 3)
            let inputs = test.shapes.map {
                key.normal($0, deviation: 0.5, on: device).cast(to: dtype)
            }
            let narrow = try run(test, inputs)
            let wide = try run(test, inputs.map { $0.cast(to: .f32) })
            #expect(narrow.0.dtype == dtype, "\(test.name) on \(device)")
            for (a, b) in zip([narrow.0] + narrow.1, [wide.0] + wide.1) {
                let error = (a.cast(to: .f32) - b).norm().item() / max(b.norm().item(), 1e-3)
                #expect(error < 0.02, "\(test.name) \(dtype) on \(device): off by \(error)")
            }
        }
    }

    private func run(_ test: NarrowCase, _ inputs: [Tensor]) throws -> (Tensor, [Tensor]) {
        let leaves = inputs.map(\.tracked)
        let y = test.function(leaves)
        // Weighted, because the plain sum of a softmax has no gradient.
        let weights = Tensor.arange(y.count, start: -0.5, step: 1 / Double(y.count), on: y.device)
        let seed = weights.reshaped(y.shape).cast(to: y.dtype)
        return (y, y.gradients(at: leaves, seed: seed))
    }
}

struct NarrowCase: Sendable, CustomTestStringConvertible {
    let name: String
    let shapes: [[Int]]
    let function: @Sendable ([Tensor]) -> Tensor
    var testDescription: String { name }

    static let all: [NarrowCase] = [
        .init(name: "add", shapes: [[3, 7], [7]]) { $0[0] + $0[1] },
        .init(name: "mul", shapes: [[3, 7], [3, 1]]) { $0[0] * $0[1] },
        .init(name: "gelu", shapes: [[5, 33]]) { $0[0].gelu() },
        .init(name: "exp", shapes: [[129]]) { exp($0[0]) },
        .init(name: "swiglu", shapes: [[4, 9], [4, 9]]) { $0[0].swiglu($0[1]) },
        .init(name: "sum", shapes: [[9, 40]]) { $0[0].sum(axes: [1]) },
        .init(name: "softmax", shapes: [[6, 65]]) { $0[0].softmax() },
        .init(name: "layerNorm", shapes: [[5, 48], [48], [48]]) {
            $0[0].layerNorm(weight: $0[1], bias: $0[2])
        },
        .init(name: "rmsNorm", shapes: [[5, 48], [48]]) { $0[0].rmsNorm(weight: $0[1]) },
        .init(name: "groupNorm", shapes: [[2, 3, 3, 8], [8], [8]]) {
            $0[0].groupNorm(4, weight: $0[1], bias: $0[2])
        },
        .init(name: "matmul", shapes: [[17, 33], [33, 19]]) { $0[0].matmul($0[1]) },
        .init(name: "batched matmul", shapes: [[2, 3, 5, 8], [2, 3, 8, 7]]) { $0[0].matmul($0[1]) },
        .init(name: "linear", shapes: [[4, 6, 24], [16, 24], [16]]) {
            $0[0].linear($0[1], bias: $0[2])
        },
        .init(name: "conv2d", shapes: [[2, 7, 6, 4], [8, 3, 3, 4], [8]]) {
            $0[0].conv2d($0[1], bias: $0[2], padding: 1)
        },
        .init(name: "convTranspose2d", shapes: [[1, 4, 5, 4], [4, 3, 3, 6]]) {
            $0[0].convTranspose2d($0[1], stride: 2)
        },
        .init(name: "maxPool2d", shapes: [[1, 6, 6, 3]]) { $0[0].maxPool2d(2) },
        .init(name: "avgPool2d", shapes: [[1, 6, 6, 3]]) {
            $0[0].avgPool2d(3, stride: 1, padding: 1)
        },
        .init(name: "upsampledBilinear", shapes: [[1, 3, 4, 2]]) {
            $0[0].upsampledBilinear(to: Pair(7, 5))
        },
        .init(name: "attention", shapes: [[1, 4, 9, 16], [1, 2, 9, 16], [1, 2, 9, 16]]) {
            $0[0].attention($0[1], $0[2], causal: .topLeft)
        },
        .init(name: "rope", shapes: [[1, 2, 5, 8]]) {
            $0[0].rope(positions: .arange(5, on: $0[0].device))
        },
        .init(name: "transposed copy", shapes: [[5, 6, 7]]) {
            $0[0].permuted([2, 0, 1]).contiguous()
        },
        .init(name: "concatenated", shapes: [[2, 3], [4, 3]]) { Tensor.concatenated($0) },
        .init(name: "embedding", shapes: [[9, 6]]) {
            $0[0].embedding(Tensor([1, 8, 1] as [Int32], on: $0[0].device))
        },
    ]
}
