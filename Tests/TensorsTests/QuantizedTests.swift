import Tensors
import Testing

/// Products with quantised weights against f32 products with the same weights dequantised, on every device.
@Suite struct QuantizedTests {
    @Test(arguments: BlockFormat.allCases, [1, 3, 17])
    func blocksMultiply(format: BlockFormat, rows: Int) {
        for device in Device.all {
            var key = RandomKey(seed: 11)
            let weight = key.normal([19, 512], on: device)
            let x = key.normal([rows, 512], on: device)
            let bias = key.normal([19], on: device)
            let q = QuantizedTensor(weight, as: format)
            let expected = x.linear(q.dequantized(), bias: bias)
            #expect(distance(x.matmul(transposed: q, bias: bias, exactly: true), expected) < 1e-5)
            // int8 activations: their rounding is a percent or so of a product's size.
            #expect(distance(x.matmul(transposed: q, bias: bias), expected) < 0.02)
            #expect(q.byteCount == 19 * 512 / format.blockValues * format.blockBytes)
        }
    }

    @Test(arguments: BlockFormat.allCases)
    func blocksComeBack(format: BlockFormat) {
        let bytes = (0..<35 * 2 * 256 / format.blockValues * format.blockBytes).map {
            UInt8(truncatingIfNeeded: $0 &* 167 >> 3)
        }
        for device in Device.all {
            let q = QuantizedTensor(bytes: bytes, as: format, rows: 35, columns: 512, on: device)
            #expect(q.blocks() == bytes)
        }
    }

    @Test func int8RowsMultiply() {
        for device in Device.all {
            var key = RandomKey(seed: 12)
            let weight = key.normal([33, 100], on: device)
            let x = key.normal([2, 5, 100], on: device)
            let y = x.matmul(transposed: QuantizedTensor(int8Rows: weight))
            #expect(y.shape == [2, 5, 33])
            #expect(distance(y, x.linear(weight)) < 0.02)
        }
    }

    @Test(arguments: [true, false])
    func int4GroupsMultiply(zeroPoint: Bool) {
        for device in Device.all {
            var key = RandomKey(seed: 13)
            let weight = key.normal([9, 128], on: device)
            let x = key.normal([4, 128], on: device)
            let q = QuantizedTensor(int4: weight, group: 32, zeroPoint: zeroPoint)
            let bias = key.normal([9], on: device)
            let y = x.matmul(transposed: q, bias: bias)
            #expect(distance(y, x.linear(q.dequantized(), bias: bias)) < 1e-5)
        }
    }

    @Test(arguments: BlockFormat.allCases)
    func rowsAreThoseOfTheWhole(format: BlockFormat) {
        for device in Device.all {
            var key = RandomKey(seed: 15)
            let q = QuantizedTensor(key.normal([37, 256], on: device), as: format)
            let index = Tensor([0, 36, 15, 16, 36] as [Int32], on: device)
            let rows = q.dequantizedRows(index)
            #expect(rows.bytes() == q.dequantized().selecting(index).bytes())
        }
    }

    @Test(arguments: [(1, 1, 1), (2, 1, 1), (1, 0, 2)])
    func int8Convolves(stride: Int, padding: Int, groups: Int) {
        for device in Device.all {
            var key = RandomKey(seed: 14)
            let x = key.normal([2, 7, 6, 8], on: device)
            let weight = key.normal([6, 3, 3, 8 / groups], on: device)
            let bias = key.normal([6], on: device)
            let q = QuantizedTensor(int8Rows: weight.reshaped([6, -1]))
            let y = x.conv2d(
                q, kernel: 3, bias: bias, stride: Pair(stride), padding: Pair(padding),
                groups: groups)
            let expected = x.conv2d(
                weight, bias: bias, stride: Pair(stride), padding: Pair(padding), groups: groups)
            #expect(distance(y, expected) < 0.03)
        }
    }

    @Test func gradientsFlowToTheInput() {
        var key = RandomKey(seed: 15)
        let q = QuantizedTensor(key.normal([8, 64]), as: .q8_0)
        let x = key.normal([3, 64]).tracked
        let g = x.matmul(transposed: q).gradients(at: [x])[0]
        #expect(distance(g, Tensor.ones([3, 8]).matmul(q.dequantized())) < 1e-5)
    }

    /// |a - b| / |b|
    private func distance(_ a: Tensor, _ b: Tensor) -> Float {
        (a - b).norm().item() / b.norm().item()
    }
}
