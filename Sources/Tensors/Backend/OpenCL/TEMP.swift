extension OpenCLBackend {
    package func convolve(_ pass: ConvolutionPass, _ c: Convolution, into result: Tensor) { fail() }
    package func attention(_ call: Attention, into o: Tensor, logSumExp: Tensor) { fail() }
    package func attentionGradient(
        _ call: Attention, o: Tensor, logSumExp: Tensor, g: Tensor, into: AttentionGradients
    ) { fail() }
    package func pool(_ p: Pooling, _ x: Tensor, into y: Tensor, index: Tensor?) { fail() }
    package func poolGradient(_ p: Pooling, _ g: Tensor, index: Tensor?, into dx: Tensor) { fail() }
    package func resample(bilinear: Bool, gradient: Bool, _ x: Tensor, into y: Tensor) { fail() }
    package func rope(_ r: Rope, _ x: Tensor, inverse: Bool, into y: Tensor) { fail() }
    package func step(_ s: OptimiserStep, parameter: Tensor, gradient: Tensor, state: [Tensor]) {
        fail()
    }
    package func quantize(_ q: Quantization, _ x: Tensor, into parts: [Tensor]) { fail() }
    package func dequantize(_ q: Quantization, _ parts: [Tensor], into x: Tensor) { fail() }
    package func matmulQuantized(_ call: QuantizedMatmul, into y: Tensor) { fail() }
    package func convolveInt8(_ call: Int8Convolution, into y: Tensor) { fail() }
}
