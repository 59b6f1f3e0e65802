public import Networks
public import Tensors

/// A flow of pictures over several scales (Kingma & Dhariwal 2018). Each scale folds 2 × 2 pixels into channels, runs
/// its steps, and lets go of half of the channels as noise.
public struct Glow: Flow {
    public struct Configuration: Sendable, Hashable, Codable {
        public var channels = 1
        /// 0: no folding, the steps run on the pictures as they are.
        public var scales = 3
        /// Steps of each scale.
        public var steps = 8
        public var hidden = 128

        public init(channels: Int = 1, scales: Int = 3, steps: Int = 8, hidden: Int = 128) {
            (self.channels, self.scales, self.steps) = (channels, scales, steps)
            self.hidden = hidden
        }
    }

    public let configuration: Configuration
    /// Of each scale.
    let steps: [[FlowStep]]

    public init(_ scope: ParameterScope, _ c: Configuration) {
        configuration = c
        let scales = max(1, c.scales)
        steps = (0..<scales).map { scale in
            // Half of the channels go on to the next scale and are folded by four there: twice as many.
            let channels = c.scales == 0 ? c.channels : 4 * c.channels << scale
            // One scale alone is "f.0", "f.1", …; several are "s.0.f.0", ….
            let place = scales == 1 ? scope["f"] : scope["s"][scale]["f"]
            return (0..<c.steps).map {
                FlowStep(place[$0], channels: channels, hidden: c.hidden)
            }
        }
    }

    /// x (N, H, W, C) to z: (N, H, W, C) without scales, else (N, H · W · C).
    public func forward(_ x: Tensor, _ context: Context = .evaluation) -> (
        z: Tensor, logDeterminant: Tensor
    ) {
        forward(x, context, startsHere: false)
    }

    /// Sets the channel norms so that this batch passes with mean 0 and deviation 1: once, before training.
    public func start(at x: Tensor, _ context: Context = .evaluation) {
        noGrad { _ = forward(x, context, startsHere: true) }
    }

    private func forward(_ x: Tensor, _ context: Context, startsHere: Bool) -> (Tensor, Tensor) {
        var h = x
        var total = Tensor.zeros([x.shape[0]], on: x.device)
        var noises: [Tensor] = []
        for (scale, steps) in steps.enumerated() {
            if configuration.scales > 0 { h = folded(h) }
            for step in steps {
                let (next, logDeterminant) = step.forward(h, context, startsHere: startsHere)
                h = next
                total = total + logDeterminant
            }
            if scale < self.steps.count - 1 {
                let parts = h.chunked(2, axis: 3)
                noises.append(parts[1].flattened(1))
                h = parts[0]
            }
        }
        guard configuration.scales > 0 else { return (h, total) }
        return (Tensor.concatenated(noises + [h.flattened(1)], axis: 1), total)
    }

    /// - Parameter z: as `forward` gives it; for pictures of one size only the latter form needs `size`.
    public func inverse(_ z: Tensor, _ context: Context = .evaluation) -> Tensor {
        guard configuration.scales > 0 else { return undone(steps[0], z, context) }
        let pixels = z.shape[1] / configuration.channels
        let side = Int(Double(pixels).squareRoot().rounded())
        require(
            side * side == pixels && side % (1 << configuration.scales) == 0,
            "Glow: \(z.shape) is not the noise of square pictures with \(configuration.scales) scales"
        )
        return inverse(z, side: side, context)
    }

    private func inverse(_ z: Tensor, side: Int, _ context: Context) -> Tensor {
        let n = z.shape[0]
        var rest = z
        var noises: [Tensor] = []
        var h = z
        for scale in steps.indices {
            let side = side >> (scale + 1)
            let channels = 4 * configuration.channels << scale
            let isLast = scale == steps.count - 1
            let shape = [n, side, side, isLast ? channels : channels / 2]
            let length = shape.dropFirst().reduce(1, *)
            let part = rest.narrowed(1, start: 0, count: length).contiguous().reshaped(shape)
            rest = rest.narrowed(1, start: length, count: rest.shape[1] - length)
            if isLast { h = part } else { noises.append(part) }
        }
        for scale in steps.indices.reversed() {
            if scale < noises.count { h = Tensor.concatenated([h, noises[scale]], axis: 3) }
            h = unfolded(undone(steps[scale], h, context))
        }
        return h
    }

    private func undone(_ steps: [FlowStep], _ z: Tensor, _ context: Context) -> Tensor {
        steps.reversed().reduce(z) { $1.inverse($0, context) }
    }

    /// (N, H, W, C) to (N, H / 2, W / 2, 4 C).
    private func folded(_ x: Tensor) -> Tensor {
        let (n, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
        return x.reshaped([n, h / 2, 2, w / 2, 2, c]).permuted([0, 1, 3, 2, 4, 5])
            .reshaped([n, h / 2, w / 2, 4 * c])
    }

    private func unfolded(_ x: Tensor) -> Tensor {
        let (n, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3] / 4)
        return x.reshaped([n, h, w, 2, 2, c]).permuted([0, 1, 3, 2, 4, 5])
            .reshaped([n, 2 * h, 2 * w, c])
    }
}
