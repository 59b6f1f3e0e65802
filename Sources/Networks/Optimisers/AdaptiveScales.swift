import Glibc
public import Tensors

/// v = α v + (1 - α) g²; p -= lr g / (√v + ε), with the mean taken out of v if centred, through a momentum if there is one.
public struct RMSprop: DecayingRule, Codable {
    public var alpha = 0.99
    public var epsilon = 1e-8
    public var weightDecay = 0.0
    public var momentum = 0.0
    public var centered = false

    public init(
        alpha: Double = 0.99, epsilon: Double = 1e-8, weightDecay: Double = 0,
        momentum: Double = 0, centered: Bool = false
    ) {
        (self.alpha, self.epsilon, self.weightDecay) = (alpha, epsilon, weightDecay)
        (self.momentum, self.centered) = (momentum, centered)
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double
    ) {
        let zeros = { [shape = parameter.shape, device = parameter.device] in
            Tensor.zeros(shape, on: device)
        }
        let g = gradient.decayed(parameter, weightDecay)
        var square = state.take("square", first: zeros)
        square.add(g.squared(), times: 1 - alpha, decay: 1 - alpha)
        var spread = square
        if centered {
            var mean = state.take("mean", first: zeros)
            mean.add(g, times: 1 - alpha, decay: 1 - alpha)
            spread = square - mean.squared()
            state.tensors["mean"] = mean
        }
        let u = g / (sqrt(spread) + Float(epsilon))
        if momentum != 0 {
            var buffer = state.take("momentum", first: zeros)
            buffer.add(u, times: 1, decay: 1 - momentum)
            parameter.add(buffer, times: -lr)
            state.tensors["momentum"] = buffer
        } else {
            parameter.add(u, times: -lr)
        }
        state.tensors["square"] = square
        state.step += 1
    }
}

/// v += g²; p -= lr / (1 + t lrDecay) g / (√v + ε), t the steps done (Duchi et al. 2011).
public struct Adagrad: DecayingRule, Codable {
    public var lrDecay = 0.0
    public var weightDecay = 0.0
    public var initialAccumulator: Float = 0
    public var epsilon = 1e-10

    public init(
        lrDecay: Double = 0, weightDecay: Double = 0, initialAccumulator: Float = 0,
        epsilon: Double = 1e-10
    ) {
        (self.lrDecay, self.weightDecay) = (lrDecay, weightDecay)
        (self.initialAccumulator, self.epsilon) = (initialAccumulator, epsilon)
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double
    ) {
        let g = gradient.decayed(parameter, weightDecay)
        var sum = state.take("sum") { [p = parameter, initialAccumulator] in
            .full(p.shape, initialAccumulator, on: p.device)
        }
        sum.add(g.squared(), times: 1)
        let rate = lr / (1 + Double(state.step) * lrDecay)
        parameter.add(g / (sqrt(sum) + Float(epsilon)), times: -rate)
        state.tensors["sum"] = sum
        state.step += 1
    }
}

/// Adam's scale from row and column means of g² only, so that matrices cost no second copy (Shazeer & Stern 2018).
///
/// With `relativeStep` it chooses its own step size and `lr` is not used.
public struct Adafactor: DecayingRule, Codable {
    /// Added to g², and the least size of a parameter for `scaleParameter`.
    public var epsilon = [1e-30, 1e-3]
    public var clipThreshold = 1.0
    public var decayRate = -0.8
    public var beta1: Double?
    public var weightDecay = 0.0
    public var scaleParameter = true
    public var relativeStep = true
    public var warmupInit = false

    public init() {}

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double
    ) {
        state.step += 1
        let t = Double(state.step)
        var u = scaled(gradient, &state, keeping: 1 - pow(t, decayRate))
        // Scalars stay on the device: () tensors instead of numbers.
        u = u / (rootMeanSquare(u) / Float(clipThreshold)).clamped(min: 1)
        let limit = warmupInit ? 1e-6 * t : 1e-2
        let rate = relativeStep ? min(limit, 1 / t.squareRoot()) : lr
        var size = Tensor.full([], Float(rate), on: parameter.device)
        if scaleParameter {
            size = rootMeanSquare(parameter).clamped(min: Float(epsilon[1])) * Float(rate)
        }
        u = u * size
        if let beta1 {
            var m = state.take("momentum") { [p = parameter] in .zeros(p.shape, on: p.device) }
            m.add(u, times: 1 - beta1, decay: 1 - beta1)
            u = m
            state.tensors["momentum"] = m
        }
        if weightDecay != 0 { parameter = parameter - parameter * (size * Float(weightDecay)) }
        parameter.add(u, times: -1)
    }

    private func rootMeanSquare(_ x: Tensor) -> Tensor { sqrt(x.squared().mean()) }

    /// g / √v, with v kept whole for vectors and as its rows' and columns' means for matrices.
    private func scaled(_ g: Tensor, _ state: inout UpdateState, keeping b: Double) -> Tensor {
        let square = g.squared() + Float(epsilon[0])
        func moved(_ name: String, _ x: Tensor) -> Tensor {
            var mean = state.take(name) { .zeros(x.shape, on: x.device) }
            mean.add(x, times: 1 - b, decay: 1 - b)
            state.tensors[name] = mean
            return mean
        }
        guard g.rank >= 2 else { return g * rsqrt(moved("square", square)) }
        let rows = moved("rows", square.mean(axes: [-1]))
        let columns = moved("columns", square.mean(axes: [-2]))
        let rowScale = rsqrt(rows / rows.mean(axes: [-1], keepDims: true)).expandingAxis(-1)
        return g * rowScale * rsqrt(columns).expandingAxis(-2)
    }
}

extension Tensor {
    /// self + wd p
    fileprivate func decayed(_ parameter: Tensor, _ weightDecay: Double) -> Tensor {
        weightDecay == 0 ? self : self + parameter * Float(weightDecay)
    }
}
