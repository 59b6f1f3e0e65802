import CApus

extension CPUBackend {
    package func pool(_ p: Pooling, _ x: Tensor, into y: Tensor, index: Tensor?) {
        var c = apus_pool2d(p, x: x.shape, y: y.shape, x.dtype)
        if p.kind == .max {
            apus_max_pool2d(&c, x.address, y.address, index?.pointer())
        } else {
            apus_avg_pool2d(&c, x.address, y.address)
        }
    }

    package func poolGradient(_ p: Pooling, _ g: Tensor, index: Tensor?, into dx: Tensor) {
        var c = apus_pool2d(p, x: dx.shape, y: g.shape, g.dtype)
        if p.kind == .max {
            apus_max_pool2d_gradient(&c, g.address, index?.pointer(), dx.address)
        } else {
            apus_avg_pool2d_gradient(&c, g.address, dx.address)
        }
    }

    package func resample(bilinear: Bool, gradient: Bool, _ x: Tensor, into y: Tensor) {
        let (from, to) = gradient ? (y.shape, x.shape) : (x.shape, y.shape)
        var r = apus_resample(
            n: Int64(from[0]), h: Int64(from[1]), w: Int64(from[2]), c: Int64(from[3]),
            oh: Int64(to[1]), ow: Int64(to[2]),
            bilinear: bilinear, type: x.dtype.c)
        if gradient {
            apus_resample_gradient(&r, x.address, y.address)
        } else {
            apus_resample_forward(&r, x.address, y.address)
        }
    }
}

extension apus_pool2d {
    fileprivate init(_ p: Pooling, x: [Int], y: [Int], _ dtype: DType) {
        self.init(
            n: Int64(x[0]), h: Int64(x[1]), w: Int64(x[2]), c: Int64(x[3]), oh: Int64(y[1]),
            ow: Int64(y[2]),
            kh: Int64(p.kh), kw: Int64(p.kw), stride_h: Int64(p.strideH),
            stride_w: Int64(p.strideW),
            pad_h: Int64(p.padH), pad_w: Int64(p.padW), dilation_h: Int64(p.dilationH),
            dilation_w: Int64(p.dilationW),
            count_include_pad: p.countsPadding, adaptive: p.kind == .adaptiveAverage, type: dtype.c)
    }
}
