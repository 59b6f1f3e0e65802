import Tensors
import Testing

/// The same bits for every thread count, on every run.
@Suite struct DeterminismTests {
    @Test func threadCountsDoNotMatter() async {
        await #expect(processExitsWith: .success) {
            var reference: [[UInt8]]?
            for threads in [1, 2, 3, 5] {
                Threads.count = threads
                let bits = results().map { $0.bytes() }
                require(reference == nil || reference == bits, "\(threads) threads gave other bits")
                reference = bits
            }
        }
    }
}

/// Values and gradients of ops that split work, at sizes that do not divide evenly.
private func results() -> [Tensor] {
    var key = RandomKey(seed: 21)
    let x = key.normal([6, 130, 67])
    let w = key.normal([45, 67])
    let image = key.normal([3, 19, 17, 16])
    let kernel = key.normal([24, 3, 3, 16])
    let q = key.normal([2, 4, 70, 32])
    let scale = key.normal([67])
    let (_, g) = valueAndGradient(at: [x, w, image, kernel, q, scale]) { p in
        let rows = p[0].layerNorm(weight: p[5]).linear(p[1], activation: .gelu).softmax().squared()
            .sum()
        let picture = p[2].conv2d(p[3], padding: 1).groupNorm(4).silu().squared().sum()
        let heads = p[4].attention(p[4], p[4], causal: .topLeft).squared().sum()
        return rows + picture + heads
    }
    let narrow = x.cast(to: .bf16)
    let index = Tensor([5, 0, 5, 3, 5] as [Int32])
    return g + [
        narrow.flattened(0, 1).matmul(w.cast(to: .bf16).transposed()), x.sum(),
        x.sum(axes: [0, 1]), x.variance(axes: [0, 2]),
        x.selecting(index).sum(axes: [1]), x.cumulativeSum(axis: 1), x.sorted(axis: 1).values,
        Tensor.zeros([6, 4]).addingSlices(key.normal([5, 4]), at: index), key.normal([1001]),
    ]
}
