import Tensors
import Testing

/// Several products with one x, and what is fused with them, against the same one by one.
@Suite struct QuantizedProductsTests {
    @Test(arguments: [DType.f32, .f16, .bf16], [1, 3, 20])
    func plainWeightsMultiply(dtype: DType, rows: Int) {
        for device in Device.all {
            var key = RandomKey(seed: 21)
            let weight = key.normal([19, 100], on: device).cast(to: dtype)
            let x = key.normal([rows, 100], on: device)
            let bias = key.normal([19], on: device)
            let w = QuantizedTensor(plain: weight)
            #expect(w.isPlain && w.byteCount == 19 * 100 * dtype.size)
            #expect(w.dequantized().bytes() == weight.cast(to: .f32).bytes())
            let expected = x.linear(weight.cast(to: .f32), bias: bias)
            let exact = x.matmul(transposed: w, bias: bias, exactly: true)
            #expect(distance(exact, expected) < 1e-5)
            // x is rounded to bf16 or to 16 bits where such products are the fast ones.
            let near: Float = dtype == .bf16 ? 3e-3 : dtype == .f16 ? 2e-4 : 1e-5
            #expect(distance(x.matmul(transposed: w, bias: bias), expected) < near)
            let index = Tensor([18, 0, 3] as [Int32], on: device)
            #expect(
                w.dequantizedRows(index).bytes()
                    == weight.cast(to: .f32).selecting(index).bytes())
        }
    }

    @Test(arguments: [1, 5, 70])
    func jointProductsAreTheSingleOnes(rows: Int) {
        for device in Device.all {
            var key = RandomKey(seed: 22)
            let x = key.normal([rows, 2, 256], on: device)
            let weights = [BlockFormat.q4_K, .q6_K, .q8_0].map {
                QuantizedTensor(key.normal([19, 256], on: device), as: $0)
            }
            let bias = key.normal([19], on: device)
            let results = x.matmul(transposed: weights, biases: [nil, bias, nil])
            for (i, y) in results.enumerated() {
                let single = x.matmul(transposed: weights[i], bias: i == 1 ? bias : nil)
                #expect(y.shape == [rows, 2, 19] && y.bytes() == single.bytes())
            }
            let residual = key.normal([rows, 2, 19], on: device)
            let sum = x.matmul(transposed: weights[0], bias: bias, adding: residual)
            let expected = x.matmul(transposed: weights[0], bias: bias) + residual
            #expect(distance(sum, expected) < 1e-6)
        }
    }

    @Test(arguments: [Activation.silu, .gelu, .geluTanh, .relu])
    func gatesAreFused(gate: Activation) {
        for device in Device.all {
            var key = RandomKey(seed: 23)
            let x = key.normal([3, 128], on: device)
            let u = QuantizedTensor(key.normal([37, 128], on: device), as: .q8_0)
            let v = QuantizedTensor(key.normal([37, 128], on: device), as: .q4_0)
            let (a, b) = (x.matmul(transposed: u), x.matmul(transposed: v))
            let gated: Tensor =
                switch gate {
                case .silu: a.silu()
                case .gelu: a.gelu()
                case .geluTanh: a.gelu(approximate: true)
                default: a.relu()
                }
            #expect(distance(x.gatedMatmul(gate, transposed: u, v), gated * b) < 1e-5)
        }
    }

    @Test func gradientsStillFlow() {
        var key = RandomKey(seed: 24)
        let w = QuantizedTensor(key.normal([9, 64]), as: .q8_0)
        let (x, r) = (key.normal([2, 64]), key.normal([2, 9]))
        let (_, gradients) = valueAndGradient(at: [x, r]) {
            $0[0].matmul(transposed: w, bias: nil, adding: $0[1]).sum()
        }
        #expect(distance(gradients[1], Tensor.full([2, 9], 1)) == 0)
        #expect(distance(gradients[0], Tensor.full([2, 9], 1).matmul(w.dequantized())) < 1e-5)
    }
}

/// How far apart two tensors are, relative to the second's size.
private func distance(_ a: Tensor, _ b: Tensor) -> Float {
    (a - b).norm().item() / b.norm().item()
}
