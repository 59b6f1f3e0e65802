import CApus

extension CPUBackend {
    package func matmul(_ call: Matmul) {
        var c = apus_matmul(call)
        let (a, b, y) = (call.a.batchOffsets, call.b.batchOffsets, call.result.batchOffsets)
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                y.withUnsafeBufferPointer { y in
                    c.batch = Int64(a.count)
                    (c.a_offset, c.b_offset, c.c_offset) = (
                        a.baseAddress, b.baseAddress, y.baseAddress
                    )
                    withExtendedLifetime(call) { apus_matmul_run(&c) }
                }
            }
        }
    }
}

extension apus_matmul {
    /// All but the batch.
    init(_ call: Matmul) {
        self.init()
        let (a, b) = (call.a, call.b)
        (m, n, k) = (
            Int64(a.shape[a.rank - 2]), Int64(b.shape[b.rank - 1]), Int64(a.shape[a.rank - 1])
        )
        self.a = UnsafeRawPointer(a.address)
        self.b = UnsafeRawPointer(b.address)
        (a_row, a_column) = (
            Int64(a.layout.stride(a.rank - 2)), Int64(a.layout.stride(a.rank - 1))
        )
        (b_row, b_column) = (
            Int64(b.layout.stride(b.rank - 2)), Int64(b.layout.stride(b.rank - 1))
        )
        self.c = call.result.address
        c_row = n
        type = a.dtype.c
        c_type = call.result.dtype.c
        alpha = call.alpha
        bias = call.bias.map { UnsafePointer($0.pointer(Float.self)) }
        activation = call.activation.c
        residual = call.residual.map { UnsafeRawPointer($0.address) }
        residual_row = n
    }
}

/// The offsets of a batch of one, for all such calls.
private let oneEntry: [Int64] = [0]

extension Tensor {
    /// Where each matrix of a batch (all axes but the last two) begins, relative to the first.
    var batchOffsets: [Int64] {
        if rank == 2 { return oneEntry }
        var offsets = oneEntry
        for axis in 0..<(rank - 2) {
            let stride = Int64(layout.stride(axis))
            offsets = offsets.flatMap { start in
                (0..<Int64(shape[axis])).map { start + $0 * stride }
            }
        }
        return offsets
    }
}
