/// What a device must be able to do. `CPUBackend` and `OpenCLBackend` implement all of it, so that no op works on one only.
///
/// Operands arrive checked: shapes, types and devices fit, axes are counted from the front, and every result is a fresh
/// tensor on this device. "Rows" are contiguous. Semantics of each op are those of the C header of its family.
package protocol Backend: AnyObject, Sendable {
    var name: String { get }
    var memory: MemoryStatistics { get }

    // Memory.
    func allocate(bytes: Int) -> Storage
    func free(_ handle: UnsafeMutableRawPointer)
    func upload(_ bytes: UnsafeRawBufferPointer, to storage: Storage, at offset: Int)
    func download(_ storage: Storage, at offset: Int, into bytes: UnsafeMutableRawBufferPointer)
    func synchronize()

    // Elementwise: operands of one shape, any strides.
    func generate(_ source: Generator, into y: Tensor)
    func copy(_ x: Tensor, into y: Tensor)
    func unary(_ op: UnaryOp, _ x: Tensor, into y: Tensor)
    func unaryGradient(_ op: UnaryOp, _ x: Tensor, _ g: Tensor, into dx: Tensor)
    func binary(_ op: BinaryOp, _ x: Tensor, _ y: Tensor, into z: Tensor)
    func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into y: Tensor)

    // Along axes: any strides; results keep reduced axes with length 1.
    func reduce(_ op: ReduceOp, _ x: Tensor, axes: [Int], into y: Tensor)
    func argReduce(largest: Bool, _ x: Tensor, axis: Int, into y: Tensor)
    func meanVariance(_ x: Tensor, axes: [Int], correction: Float, mean: Tensor, variance: Tensor)
    func cumsum(_ x: Tensor, axis: Int, reverse: Bool, into y: Tensor)
    func sort(_ x: Tensor, axis: Int, descending: Bool, values: Tensor, indices: Tensor)

    // By index (i32).
    /// x (outer, n, inner), index (count), y (outer, count, inner), contiguous.
    func indexSelect(_ x: Tensor, _ index: Tensor, into y: Tensor)
    /// x (outer, n, inner) f32 += src (outer, count, inner) at index (count), contiguous.
    func indexAdd(_ x: Tensor, _ index: Tensor, _ src: Tensor)
    func gather(_ x: Tensor, _ index: Tensor, axis: Int, into y: Tensor)
    func scatterAdd(_ x: Tensor, _ index: Tensor, _ src: Tensor, axis: Int)
    /// Nil on a device that would have to be waited for; its kernels then keep indices inside the tensor.
    func indexRange(_ index: Tensor) -> ClosedRange<Int>?

    // Products.
    func matmul(_ call: Matmul)
    func convolve(_ pass: ConvolutionPass, _ c: Convolution, into result: Tensor)
    func attention(_ call: Attention, into o: Tensor, logSumExp: Tensor)
    func attentionGradient(
        _ call: Attention, o: Tensor, logSumExp: Tensor, g: Tensor, into: AttentionGradients)

    // Pictures, channels last, contiguous.
    func pool(_ p: Pooling, _ x: Tensor, into y: Tensor, index: Tensor?)
    func poolGradient(_ p: Pooling, _ g: Tensor, index: Tensor?, into dx: Tensor)
    func resample(bilinear: Bool, gradient: Bool, _ x: Tensor, into y: Tensor)

    // Rows: x (rows, columns) contiguous.
    func softmax(logarithm: Bool, _ x: Tensor, into y: Tensor)
    func softmaxGradient(logarithm: Bool, _ y: Tensor, _ g: Tensor, into dx: Tensor)
    func normalize(
        _ n: Normalization, _ x: Tensor, into y: Tensor, statistics: NormalizationStatistics)
    func normalizeGradient(
        _ n: Normalization, _ x: Tensor, statistics: NormalizationStatistics, _ g: Tensor,
        into: NormalizationGradients)
    func crossEntropy(_ c: CrossEntropy, loss: Tensor, logSumExp: Tensor, rowWeight: Tensor)
    func crossEntropyGradient(
        _ c: CrossEntropy, logSumExp: Tensor, scale: Tensor, into dlogits: Tensor)
    func rope(_ r: Rope, _ x: Tensor, inverse: Bool, into y: Tensor)

    // Updates in place, of contiguous f32 state; together, where that is faster.
    func step(_ updates: [OptimiserUpdate])

    // Quantised weights and activations.
    /// importance (columns) weighs the errors of block formats; on the CPU only.
    func quantize(_ q: Quantization, _ x: Tensor, importance: Tensor?, into parts: [Tensor])
    /// Rows of a GGUF file's blocks, from `row` on, in this device's order.
    func uploadBlocks(
        _ format: BlockFormat, _ blocks: UnsafeRawBufferPointer, to part: Tensor, row: Int,
        columns: Int)
    /// Puts the blocks of (rows, columns) from a GGUF file's order into this device's, in place.
    func packBlocks(_ format: BlockFormat, _ part: Tensor, columns: Int)
    /// The blocks in a GGUF file's order.
    func unpackedBlocks(_ format: BlockFormat, _ part: Tensor, columns: Int) -> Tensor
    func dequantize(_ q: Quantization, _ parts: [Tensor], into x: Tensor)
    /// Rows of w by number, i32, as f32 (n, columns).
    func dequantizeRows(
        _ format: BlockFormat, _ w: QuantizedTensor, _ index: Tensor, into x: Tensor)
    func matmulQuantized(_ call: QuantizedMatmul, into y: Tensor)
    func products(_ call: QuantizedProducts, into results: [Tensor])
    func convolveInt8(_ call: Int8Convolution, into y: Tensor)

    // Keys and values that are kept, in parts that only the device knows.
    func makeKeyValues(_ shape: KeyValueShape) -> [Tensor]
    func writeKeyValues(_ rows: KeyValueRows, _ shape: KeyValueShape, into parts: [Tensor])
    func readKeyValues(
        _ parts: [Tensor], _ shape: KeyValueShape, _ run: KeyValueRun, k: Tensor, v: Tensor)
    func copyKeyValues(
        _ parts: [Tensor], _ shape: KeyValueShape, from source: Int, to target: Int, count: Int)
    func attend(
        _ call: KeyValueAttention, _ parts: [Tensor], _ shape: KeyValueShape, into o: Tensor)
}
