import CApus

extension CPUBackend {
    package func convolve(_ pass: ConvolutionPass, _ c: Convolution, into result: Tensor) {
        switch pass {
        case .forward(let x, let weight, let bias, let activation, let residual):
            var geometry = apus_conv2d(c, x.dtype)
            apus_conv2d_forward(
                &geometry, x.address, weight.address, bias?.pointer(), activation.c,
                residual?.address, result.address)
        case .inputGradient(let g, let weight, let bias):
            var geometry = apus_conv2d(c, g.dtype)
            apus_conv2d_input_gradient(
                &geometry, g.address, weight.address, bias?.pointer(), result.address)
        case .weightGradient(let x, let g):
            var geometry = apus_conv2d(c, x.dtype)
            apus_conv2d_weight_gradient(
                &geometry, x.address, g.address, result.dtype.c, result.address)
        }
    }

    package func convolveInt8(_ call: Int8Convolution, into y: Tensor) {
        var geometry = apus_conv2d(call.geometry, .f32)
        apus_conv2d_int8(
            &geometry, call.x.pointer(), call.xScale.pointer(), call.weight.pointer(),
            call.weightScale.pointer(),
            call.bias?.pointer(), y.pointer())
    }
}

extension apus_conv2d {
    init(_ c: Convolution, _ dtype: DType) {
        self.init(
            n: Int64(c.n), h: Int64(c.h), w: Int64(c.w), cin: Int64(c.cin), cout: Int64(c.cout),
            kh: Int64(c.kh), kw: Int64(c.kw), oh: Int64(c.oh), ow: Int64(c.ow),
            stride_h: Int64(c.strideH), stride_w: Int64(c.strideW), pad_h: Int64(c.padH),
            pad_w: Int64(c.padW),
            dilation_h: Int64(c.dilationH), dilation_w: Int64(c.dilationW), groups: Int64(c.groups),
            type: dtype.c)
    }
}
