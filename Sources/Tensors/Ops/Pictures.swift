// Pooling, resampling, padding and pixel shuffling. Pictures are channels-last: (N, H, W, C).

extension Tensor {
    /// The largest value under each window; padding counts as -infinity.
    public func maxPool2d(
        _ kernel: Pair, stride: Pair? = nil, padding: Pair = 0, dilation: Pair = 1,
        ceilMode: Bool = false
    ) -> Tensor {
        let (p, size) = pooling(.max, kernel, stride ?? kernel, padding, dilation, ceilMode)
        let y = result([shape[0], size.h, size.w, shape[3]])
        let index = result(y.shape, .i32)
        backend.pool(p, detached.contiguous(), into: y, index: index)
        return y.recorded(from: [self]) { [x = self] g in [x.unpooled(p, g, index)] }
    }

    /// The mean under each window; padding counts as zeros, in the divisor only if asked.
    public func avgPool2d(
        _ kernel: Pair, stride: Pair? = nil, padding: Pair = 0, ceilMode: Bool = false,
        countsPadding: Bool = true
    ) -> Tensor {
        var (p, size) = pooling(.average, kernel, stride ?? kernel, padding, 1, ceilMode)
        p.countsPadding = countsPadding
        return averaged(p, [shape[0], size.h, size.w, shape[3]])
    }

    /// To a fixed size: cell i of n covers rows floor(i h / n) to ceil((i + 1) h / n).
    public func adaptiveAvgPool2d(_ size: Pair) -> Tensor {
        require(rank == 4 && size.h > 0 && size.w > 0, "adaptiveAvgPool2d: \(shape) to \(size)")
        return averaged(Pooling(kind: .adaptiveAverage), [shape[0], size.h, size.w, shape[3]])
    }

    private func averaged(_ p: Pooling, _ shape: [Int]) -> Tensor {
        let y = result(shape)
        backend.pool(p, detached.contiguous(), into: y, index: nil)
        return y.recorded(from: [self]) { [x = self] g in [x.unpooled(p, g, nil)] }
    }

    /// The gradient at self of a pooling from g; linear in g.
    private func unpooled(_ p: Pooling, _ g: Tensor, _ index: Tensor?) -> Tensor {
        let dx = result()
        backend.poolGradient(p, g.detached.contiguous(), index: index, into: dx)
        return dx.recorded(from: [g]) { [shape = g.shape, x = detached] h in
            guard let index else { return [h.averaged(p, shape)] }
            let (n, c) = (x.shape[0], x.shape[3])
            let flat = h.reshaped([n, x.shape[1] * x.shape[2], c])
            return [flat.gathering(index.reshaped([n, -1, c]), axis: 1).reshaped(shape)]
        }
    }

    private func pooling(
        _ kind: Pooling.Kind, _ kernel: Pair, _ stride: Pair, _ padding: Pair, _ dilation: Pair,
        _ ceilMode: Bool
    ) -> (Pooling, Pair) {
        require(rank == 4, "pool2d: a tensor of shape \(shape), not (N, H, W, C)")
        require(
            kernel.h > 0 && kernel.w > 0 && stride.h > 0 && stride.w > 0
                && padding.h >= 0 && padding.w >= 0 && 2 * padding.h <= kernel.h
                && 2 * padding.w <= kernel.w,
            "pool2d: kernel \(kernel), stride \(stride), padding \(padding)")
        func cells(_ length: Int, _ k: Int, _ s: Int, _ p: Int, _ d: Int) -> Int {
            let room = length + 2 * p - d * (k - 1) - 1
            require(room >= 0, "pool2d: the window is larger than the padded picture \(shape)")
            let cells = (ceilMode ? (room + s - 1) / s : room / s) + 1
            // The last window must begin inside the picture or its front padding.
            return ceilMode && (cells - 1) * s >= length + p ? cells - 1 : cells
        }
        let size = Pair(
            cells(shape[1], kernel.h, stride.h, padding.h, dilation.h),
            cells(shape[2], kernel.w, stride.w, padding.w, dilation.w))
        let p = Pooling(
            kind: kind, kh: kernel.h, kw: kernel.w, strideH: stride.h, strideW: stride.w,
            padH: padding.h,
            padW: padding.w, dilationH: dilation.h, dilationW: dilation.w)
        return (p, size)
    }

    /// To another size by the nearest pixel: y[i] = x[floor(i · in / out)].
    public func upsampledNearest(to size: Pair) -> Tensor { resampled(size, bilinear: false) }

    /// To another size by linear interpolation between pixel centres, also for shrinking (no antialias).
    public func upsampledBilinear(to size: Pair) -> Tensor { resampled(size, bilinear: true) }

    private func resampled(_ size: Pair, bilinear: Bool) -> Tensor {
        require(rank == 4 && size.h > 0 && size.w > 0, "upsampled: \(shape) to \(size)")
        let y = result([shape[0], size.h, size.w, shape[3]])
        backend.resample(bilinear: bilinear, gradient: false, detached.contiguous(), into: y)
        return y.recorded(from: [self]) { [x = detached] in [$0.resampleGradient(at: x, bilinear)] }
    }

    private func resampleGradient(at x: Tensor, _ bilinear: Bool) -> Tensor {
        let dx = x.result()
        backend.resample(bilinear: bilinear, gradient: true, detached.contiguous(), into: dx)
        return dx.recorded(from: [self]) { [size = Pair(shape[1], shape[2])] in
            [$0.resampled(size, bilinear: bilinear)]
        }
    }

    /// (N, H, W, C f²) to (N, H f, W f, C): channel c f² + i f + j goes to pixel (i, j) of each block.
    public func pixelShuffled(_ factor: Int) -> Tensor {
        require(
            rank == 4 && factor > 0 && shape[3] % (factor * factor) == 0,
            "pixelShuffled: \(shape) by a factor of \(factor)")
        let (n, h, w, c) = (shape[0], shape[1], shape[2], shape[3] / (factor * factor))
        return reshaped([n, h, w, c, factor, factor])
            .permuted([0, 1, 4, 2, 5, 3])
            .reshaped([n, h * factor, w * factor, c])
    }
}

/// What stands outside a tensor's edges.
public enum PaddingMode: Sendable {
    case constant(Float), reflect, replicate
}

extension Tensor {
    /// Longer (or, with negative numbers, shorter) at both ends of axes: `pads[i]` before and after axis i.
    public func padded(_ pads: [(before: Int, after: Int)], mode: PaddingMode = .constant(0))
        -> Tensor
    {
        require(pads.count == rank, "padded: \(pads.count) pairs for a tensor of shape \(shape)")
        return pads.indices.reduce(self) { x, axis in
            let (before, after) = pads[axis]
            guard before != 0 || after != 0 else { return x }
            require(
                before + after + shape[axis] >= 0,
                "padded: \(pads[axis]) leaves nothing of axis \(axis) of \(shape)")
            return x.padded(axis, before, after, mode)
        }
    }

    private func padded(_ axis: Int, _ before: Int, _ after: Int, _ mode: PaddingMode) -> Tensor {
        let length = shape[axis]
        guard case .constant(let value) = mode else {
            let source = (0..<before + length + after).map {
                Int32(origin($0 - before, length, mode))
            }
            return selecting(Tensor(source, on: device), axis: axis)
        }
        let (cutFront, cutBack) = (Swift.max(-before, 0), Swift.max(-after, 0))
        let kept = narrowed(axis, start: cutFront, count: length - cutFront - cutBack)
        var shape = self.shape
        shape[axis] = before + length + after
        let frame = Tensor.full(shape, value, dtype: dtype, on: device)
        return frame.replacing(axis: axis, start: Swift.max(before, 0), with: kept)
    }

    /// Where an index outside 0 ..< length reads from.
    private func origin(_ i: Int, _ length: Int, _ mode: PaddingMode) -> Int {
        guard case .reflect = mode else { return Swift.min(Swift.max(i, 0), length - 1) }
        require(
            i > -length && i < 2 * length - 1,
            "padded: reflection by more than the length \(length)")
        return i < 0 ? -i : i >= length ? 2 * length - 2 - i : i
    }
}
