extension OpenCLBackend {
    package func quantize(_ q: Quantization, _ x: Tensor, into parts: [Tensor]) { fail() }
    package func dequantize(_ q: Quantization, _ parts: [Tensor], into x: Tensor) { fail() }
    package func matmulQuantized(_ call: QuantizedMatmul, into y: Tensor) { fail() }
    package func convolveInt8(_ call: Int8Convolution, into y: Tensor) { fail() }
}
