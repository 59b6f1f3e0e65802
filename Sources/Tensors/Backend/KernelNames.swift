import CApus

// For benchmarks: which kernel an op would run on these operands, and other libraries on the same ones.

extension Tensor {
    /// Where nothing else is chosen: the instruction set, or the kind of device.
    package func kernelName() -> String {
        device == .cpu ? String(cString: apus_isa_name(apus_cpu_isa())) : "opencl"
    }

    /// The kernel of `matmul`.
    package func matmulKernelName(_ other: Tensor) -> String {
        guard device == .cpu else { return kernelName() }
        let y = result(Array(shape.dropLast()) + [other.shape[other.rank - 1]])
        var call = apus_matmul(Matmul(a: self, b: other, result: y))
        return y.batchOffsets.withUnsafeBufferPointer { offsets in
            call.batch = Int64(offsets.count)
            (call.a_offset, call.b_offset, call.c_offset) = (
                offsets.baseAddress, offsets.baseAddress, offsets.baseAddress
            )
            return withExtendedLifetime((self, other, y)) {
                String(cString: apus_matmul_kernel(&call))
            }
        }
    }

    /// The kernel of `conv2d`'s forward pass.
    package func conv2dKernelName(_ weight: Tensor, stride: Pair, padding: Pair, groups: Int)
        -> String
    {
        guard device == .cpu else { return kernelName() }
        var geometry = apus_conv2d(
            Convolution(x: self, weight: weight, stride, padding, 1, groups), dtype)
        return String(cString: apus_conv2d_kernel(&geometry))
    }

    /// The kernel of `attention`'s forward pass.
    package func attentionKernelName(_ k: Tensor, _ v: Tensor, causal: Bool) -> String {
        guard device == .cpu else { return kernelName() }
        var call = apus_attention()
        let o = result([shape[0], shape[1], shape[2], v.shape[3]])
        (call.q, call.k, call.v, call.o) = (array, k.array, v.array, o.array)
        (call.scale, call.causal) = (1, causal)
        return withExtendedLifetime((self, k, v, o)) {
            String(cString: apus_attention_kernel(&call))
        }
    }

    /// Rotary positions from tables (1, T, D / 2) of cosines and sines, without history.
    package func rotated(cos: Tensor, sin: Tensor) -> Tensor {
        let y = result()
        let tables = Rope(cos: cos, sin: sin, dims: shape[3], isInterleaved: false)
        if y.count > 0 { backend.rope(tables, detached, inverse: false, into: y) }
        return y
    }

    /// The product of two f32 matrices on the CPU by OpenBLAS alone, on its own threads; nil if it cannot take them.
    package func matmulByOpenBLAS(_ other: Tensor) -> Tensor? {
        guard device == .cpu, rank == 2, other.rank == 2, dtype == .f32, other.dtype == .f32 else {
            return nil
        }
        let (a, transA) = rowMajor
        let (b, transB) = other.rowMajor
        let y = result([shape[0], other.shape[1]])
        withExtendedLifetime((a, b)) {
            apus_matmul_openblas(
                transA, transB, Int64(shape[0]), Int64(other.shape[1]), Int64(shape[1]),
                a.pointer(), b.pointer(),
                y.pointer(), apus_thread_count())
        }
        return y
    }

    /// The matrix as BLAS takes it: as it lies, or transposed.
    fileprivate var rowMajor: (Tensor, Bool) {
        if layout.isContiguous { return (self, false) }
        return transposed().layout.isContiguous ? (self, true) : (contiguous(), false)
    }
}

extension OpenCLBackend {
    /// The product of two f32 matrices on this device by CLBlast; nil where it is not installed.
    package func matmulByCLBlast(_ a: Tensor, _ b: Tensor) -> Tensor? {
        let (left, transA) = a.rowMajor
        let (right, transB) = b.rowMajor
        let y = a.result([a.shape[0], b.shape[1]])
        let done = withExtendedLifetime((left, right)) {
            apus_cl_matmul_clblast(
                context, transA, transB, Int64(a.shape[0]), Int64(b.shape[1]), Int64(a.shape[1]),
                left.storage.buffer, Int64(left.layout.offset), right.storage.buffer,
                Int64(right.layout.offset), y.storage.buffer, 0)
        }
        return done ? y : nil
    }
}
