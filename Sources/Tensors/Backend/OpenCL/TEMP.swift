extension OpenCLBackend {
    func random(_ distribution: Distribution, _ seed: UInt64, _ stream: UInt64, into y: Tensor) {
        fail()
    }
    package func sort(_ x: Tensor, axis: Int, descending: Bool, values: Tensor, indices: Tensor) {
        fail()
    }
    package func indexSelect(_ x: Tensor, _ index: Tensor, into y: Tensor) { fail() }
    package func indexAdd(_ x: Tensor, _ index: Tensor, _ src: Tensor) { fail() }
    package func gather(_ x: Tensor, _ index: Tensor, axis: Int, into y: Tensor) { fail() }
    package func scatterAdd(_ x: Tensor, _ index: Tensor, _ src: Tensor, axis: Int) { fail() }
    package func indexRange(_ index: Tensor) -> ClosedRange<Int> { fail() }
    package func convolve(_ pass: ConvolutionPass, _ c: Convolution, into result: Tensor) { fail() }
    package func attention(_ call: Attention, into o: Tensor, logSumExp: Tensor) { fail() }
    package func attentionGradient(
        _ call: Attention, o: Tensor, logSumExp: Tensor, g: Tensor, into: AttentionGradients
    ) { fail() }
    package func pool(_ p: Pooling, _ x: Tensor, into y: Tensor, index: Tensor?) { fail() }
    package func poolGradient(_ p: Pooling, _ g: Tensor, index: Tensor?, into dx: Tensor) { fail() }
    package func resample(bilinear: Bool, gradient: Bool, _ x: Tensor, into y: Tensor) { fail() }
    package func crossEntropy(_ c: CrossEntropy, loss: Tensor, logSumExp: Tensor, rowWeight: Tensor)
    { fail() }
    package func crossEntropyGradient(
        _ c: CrossEntropy, logSumExp: Tensor, scale: Tensor, into dlogits: Tensor
    ) { fail() }
    package func rope(_ r: Rope, _ x: Tensor, inverse: Bool, into y: Tensor) { fail() }
    package func step(_ s: OptimiserStep, parameter: Tensor, gradient: Tensor, state: [Tensor]) {
        fail()
    }
    package func quantize(_ q: Quantization, _ x: Tensor, into parts: [Tensor]) { fail() }
    package func dequantize(_ q: Quantization, _ parts: [Tensor], into x: Tensor) { fail() }
    package func matmulQuantized(_ call: QuantizedMatmul, into y: Tensor) { fail() }
    package func convolveInt8(_ call: Int8Convolution, into y: Tensor) { fail() }
}
