extension OpenCLBackend {
    package func attention(_ call: Attention, into o: Tensor, logSumExp: Tensor) { fail() }
    package func attentionGradient(
        _ call: Attention, o: Tensor, logSumExp: Tensor, g: Tensor, into: AttentionGradients
    ) { fail() }
    package func rope(_ r: Rope, _ x: Tensor, inverse: Bool, into y: Tensor) { fail() }
    package func quantize(_ q: Quantization, _ x: Tensor, into parts: [Tensor]) { fail() }
    package func dequantize(_ q: Quantization, _ parts: [Tensor], into x: Tensor) { fail() }
    package func matmulQuantized(_ call: QuantizedMatmul, into y: Tensor) { fail() }
    package func convolveInt8(_ call: Int8Convolution, into y: Tensor) { fail() }
}
