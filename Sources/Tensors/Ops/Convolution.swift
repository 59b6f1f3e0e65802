// Convolutions of channels-last data: x (N, H, W, C), weight (Cout, KH, KW, Cin / groups).

/// Two lengths, for the rows and the columns of a picture; an integer means both.
public struct Pair: Sendable, Hashable, ExpressibleByIntegerLiteral {
    public var h, w: Int
    public init(_ h: Int, _ w: Int) { (self.h, self.w) = (h, w) }
    public init(integerLiteral value: Int) { self.init(value, value) }
    public init(_ both: Int) { self.init(both, both) }
}

extension Tensor {
    /// 2-D convolution: x (N, H, W, Cin), weight (Cout, KH, KW, Cin / groups), bias (Cout) to (N, OH, OW, Cout).
    public func conv2d(
        _ weight: Tensor, bias: Tensor? = nil, stride: Pair = 1, padding: Pair = 0,
        dilation: Pair = 1, groups: Int = 1,
        activation: Activation = .none
    ) -> Tensor {
        let c = Convolution(x: self, weight: weight, stride, padding, dilation, groups)
        if Recording.isOn && activation != .none && activation != .relu
            && [self, weight, bias].contains(where: { $0?.isTracked == true })
        {
            return convolved(c, weight, bias, .none).activated(activation)
        }
        return convolved(c, weight, bias, activation)
    }

    /// 1-D convolution: x (N, L, Cin), weight (Cout, K, Cin / groups) to (N, OL, Cout).
    public func conv1d(
        _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1
    ) -> Tensor {
        require(
            rank == 3 && weight.rank == 3,
            "conv1d: \(shape) and \(weight.shape) are not (N, L, C) and (O, K, C)")
        return expandingAxis(1).conv2d(
            weight.expandingAxis(1), bias: bias, stride: Pair(1, stride), padding: Pair(0, padding),
            dilation: Pair(1, dilation), groups: groups
        ).squeezed(1)
    }

    /// The gradient of a 2-D convolution as a layer: x (N, H, W, Cin), weight (Cin, KH, KW, Cout / groups), bias (Cout)
    /// to (N, OH, OW, Cout) with OH = (H - 1) stride - 2 padding + dilation (KH - 1) + outputPadding + 1.
    public func convTranspose2d(
        _ weight: Tensor, bias: Tensor? = nil, stride: Pair = 1, padding: Pair = 0,
        outputPadding: Pair = 0,
        dilation: Pair = 1, groups: Int = 1
    ) -> Tensor {
        let c = Convolution(
            transposedOf: self, weight: weight, stride, padding, outputPadding, dilation, groups)
        let y = transposeConvolved(c, weight.detached, bias?.detached)
        return y.recorded(from: [self, weight] + (bias.map { [$0] } ?? [])) { [x = self] g in
            [
                x.isTracked ? g.convolved(c, weight, nil, .none) : nil,
                weight.isTracked ? g.weightGradient(c, x, as: weight.gradientType) : nil,
            ] + (bias.map { [g.sumOfPixels(as: $0.dtype)] } ?? [])
        }
    }

    /// The 1-D transposed convolution: x (N, L, Cin), weight (Cin, K, Cout / groups).
    public func convTranspose1d(
        _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0,
        outputPadding: Int = 0,
        dilation: Int = 1, groups: Int = 1
    ) -> Tensor {
        expandingAxis(1).convTranspose2d(
            weight.expandingAxis(1), bias: bias, stride: Pair(1, stride), padding: Pair(0, padding),
            outputPadding: Pair(0, outputPadding), dilation: Pair(1, dilation), groups: groups
        ).squeezed(1)
    }
}

// The three products of a convolution are linear in each operand, so each one's gradients are the other two (those of the
// forward pass for no activation or relu).
extension Tensor {
    /// y from self = x.
    private func convolved(
        _ c: Convolution, _ weight: Tensor, _ bias: Tensor?, _ activation: Activation
    ) -> Tensor {
        let backend = sharedBackend(self, weight, "conv2d")
        let y = result([c.n, c.oh, c.ow, c.cout])
        let pass = ConvolutionPass.forward(
            x: detached.contiguous(), weight: weight.detached.contiguous(),
            bias: bias?.detached.cast(to: .f32).contiguous(), activation: activation, residual: nil)
        if y.count > 0 { backend.convolve(pass, c, into: y) }
        let kept = activation == .relu ? y : nil
        return y.recorded(from: [self, weight] + (bias.map { [$0] } ?? [])) { [x = self] g in
            let g = kept.map { g.whereRelu(gave: $0) } ?? g
            return [
                x.isTracked ? g.transposeConvolvedRecorded(c, weight) : nil,
                weight.isTracked ? x.weightGradient(c, g, as: weight.gradientType) : nil,
            ]
                + (bias.map { [$0.isTracked ? g.sumOfPixels(as: $0.dtype) : nil] } ?? [])
        }
    }

    /// dx from self = g, without history.
    private func transposeConvolved(_ c: Convolution, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        let backend = sharedBackend(self, weight, "convTranspose2d")
        let dx = result([c.n, c.h, c.w, c.cin])
        let pass = ConvolutionPass.inputGradient(
            g: detached.contiguous(), weight: weight.contiguous(),
            bias: bias?.cast(to: .f32).contiguous())
        if dx.count > 0 { backend.convolve(pass, c, into: dx) }
        return dx
    }

    private func transposeConvolvedRecorded(_ c: Convolution, _ weight: Tensor) -> Tensor {
        transposeConvolved(c, weight.detached, nil).recorded(from: [self, weight]) { [g = self] h in
            [
                g.isTracked ? h.convolved(c, weight, nil, .none) : nil,
                weight.isTracked ? h.weightGradient(c, g, as: weight.gradientType) : nil,
            ]
        }
    }

    /// dbias from self = g, stored in a type.
    private func sumOfPixels(as type: DType) -> Tensor {
        reshaped([-1, shape[3]]).sumOfRows(as: type)
    }

    /// dweight from self = x and g, stored in a type.
    private func weightGradient(_ c: Convolution, _ g: Tensor, as type: DType) -> Tensor {
        let dweight = result([c.cout, c.kh, c.kw, c.cin / c.groups], type)
        let pass = ConvolutionPass.weightGradient(
            x: detached.contiguous(), g: g.detached.contiguous())
        if dweight.count > 0 { backend.convolve(pass, c, into: dweight) }
        return dweight.recorded(from: [self, g]) { [x = self] h in
            [
                x.isTracked ? g.transposeConvolvedRecorded(c, h) : nil,
                g.isTracked ? x.convolved(c, h, nil, .none) : nil,
            ]
        }
    }
}

extension Convolution {
    package init(
        x: Tensor, weight: Tensor, _ stride: Pair, _ padding: Pair, _ dilation: Pair, _ groups: Int
    ) {
        require(
            x.rank == 4 && weight.rank == 4,
            "conv2d: \(x.shape) and \(weight.shape) are not (N, H, W, C) and (O, KH, KW, C)")
        require(
            groups > 0 && x.shape[3] == weight.shape[3] * groups && weight.shape[0] % groups == 0,
            "conv2d: a weight of shape \(weight.shape) in \(groups) groups does not fit \(x.shape)")
        require(x.dtype == weight.dtype, "conv2d: operands of type \(x.dtype) and \(weight.dtype)")
        require(
            stride.h > 0 && stride.w > 0 && dilation.h > 0 && dilation.w > 0 && padding.h >= 0
                && padding.w >= 0,
            "conv2d: stride \(stride), padding \(padding), dilation \(dilation)")
        let (kh, kw) = (weight.shape[1], weight.shape[2])
        let oh = (x.shape[1] + 2 * padding.h - dilation.h * (kh - 1) - 1) / stride.h + 1
        let ow = (x.shape[2] + 2 * padding.w - dilation.w * (kw - 1) - 1) / stride.w + 1
        require(
            x.shape[1] + 2 * padding.h > dilation.h * (kh - 1)
                && x.shape[2] + 2 * padding.w > dilation.w * (kw - 1),
            "conv2d: the kernel of \(weight.shape) is larger than the padded picture \(x.shape)")
        self.init(
            n: x.shape[0], h: x.shape[1], w: x.shape[2], cin: x.shape[3], cout: weight.shape[0],
            kh: kh, kw: kw,
            oh: oh, ow: ow, strideH: stride.h, strideW: stride.w, padH: padding.h, padW: padding.w,
            dilationH: dilation.h, dilationW: dilation.w, groups: groups)
    }

    /// The convolution of which this transposed one is the input gradient: its output is x, its input the result.
    fileprivate init(
        transposedOf x: Tensor, weight: Tensor, _ stride: Pair, _ padding: Pair,
        _ outputPadding: Pair, _ dilation: Pair,
        _ groups: Int
    ) {
        require(
            x.rank == 4 && weight.rank == 4 && x.shape[3] == weight.shape[0] && groups > 0
                && x.shape[3] % groups == 0,
            "convTranspose2d: a weight of shape \(weight.shape) in \(groups) groups does not fit \(x.shape)"
        )
        require(
            x.dtype == weight.dtype,
            "convTranspose2d: operands of type \(x.dtype) and \(weight.dtype)")
        let (kh, kw) = (weight.shape[1], weight.shape[2])
        let h =
            (x.shape[1] - 1) * stride.h - 2 * padding.h + dilation.h * (kh - 1) + outputPadding.h
            + 1
        let w =
            (x.shape[2] - 1) * stride.w - 2 * padding.w + dilation.w * (kw - 1) + outputPadding.w
            + 1
        require(
            h > 0 && w > 0, "convTranspose2d: the padding \(padding) leaves nothing of \(x.shape)")
        self.init(
            n: x.shape[0], h: h, w: w, cin: weight.shape[3] * groups, cout: x.shape[3], kh: kh,
            kw: kw,
            oh: x.shape[1], ow: x.shape[2], strideH: stride.h, strideW: stride.w, padH: padding.h,
            padW: padding.w,
            dilationH: dilation.h, dilationW: dilation.w, groups: groups)
    }
}
