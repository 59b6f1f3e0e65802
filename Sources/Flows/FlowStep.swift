public import Networks
import Tensors

/// One step of Glow (Kingma & Dhariwal 2018) on pictures (N, H, W, C): a scale and shift of each channel, a mix of the
/// channels, and a coupling.
public struct FlowStep: Sendable {
    let norm: ActivationNorm
    let mix: ChannelMix
    let coupling: PictureCoupling

    public init(_ scope: ParameterScope, channels: Int, hidden: Int) {
        norm = ActivationNorm(scope["actnorm"], channels)
        mix = ChannelMix(scope["inv"], channels)
        coupling = PictureCoupling(scope["net"], channels, hidden: hidden)
    }

    func forward(_ x: Tensor, _ context: Context, startsHere: Bool = false) -> (Tensor, Tensor) {
        if startsHere { norm.start(at: x) }
        let pixels = Float(x.shape[1] * x.shape[2])
        let mixed = mix.forward(norm.forward(x))
        let (y, logDeterminant) = coupling.forward(mixed, context)
        let shared = (norm.logScale.value.sum() + mix.logDeterminant()) * pixels
        return (y, logDeterminant + shared)
    }

    func inverse(_ z: Tensor, _ context: Context) -> Tensor {
        norm.inverse(mix.inverse(coupling.inverse(z, context)))
    }
}

/// (x + bias) e^logs per channel, so set at the start that a first batch comes out with mean 0 and deviation 1.
struct ActivationNorm: Sendable {
    let bias: Parameter
    let logScale: Parameter

    init(_ scope: ParameterScope, _ channels: Int) {
        bias = scope.parameter("bias", [channels], .zeros)
        logScale = scope.parameter("logs", [channels], .zeros)
    }

    func forward(_ x: Tensor) -> Tensor { (x + bias.value) * exp(logScale.value) }

    func inverse(_ y: Tensor) -> Tensor { y * exp(-logScale.value) - bias.value }

    func start(at x: Tensor) {
        noGrad {
            let over = Array(0..<x.rank - 1)
            bias.assign(-x.mean(axes: over))
            logScale.assign(-log(x.standardDeviation(axes: over, correction: 0) + 1e-6))
        }
    }
}

/// An invertible matrix on the channels of every pixel.
struct ChannelMix: Sendable {
    /// (C, C)
    let weight: Parameter

    init(_ scope: ParameterScope, _ channels: Int) {
        weight = scope.parameter("weight", [channels, channels], .orthogonal, role: .vector)
    }

    func forward(_ x: Tensor) -> Tensor { x.linear(weight.value) }

    /// Not a number where the matrix has become singular: the loss then says so.
    func inverse(_ y: Tensor) -> Tensor {
        guard let inverse = try? weight.value.inverse() else { return y * .nan }
        return y.linear(inverse)
    }

    /// log |det W|: ().
    func logDeterminant() -> Tensor {
        (try? weight.value.slogdet().logAbs) ?? Tensor(-.infinity, on: weight.device)
    }
}

/// (b + t) · scale for one half b of the channels, with scale in 0 ... 1 and t from the other half a.
struct PictureCoupling: Sendable {
    let layers: [Conv2D]

    init(_ scope: ParameterScope, _ channels: Int, hidden: Int) {
        require(channels % 2 == 0, "FlowStep: \(channels) channels have no halves")
        layers = [
            Conv2D(
                scope[0], channels / 2, hidden, kernel: 3, padding: 1, .normal(deviation: 0.05)),
            Conv2D(scope[1], hidden, hidden, kernel: 1, .normal(deviation: 0.05)),
            // From 0 the step starts as nearly the identity.
            Conv2D(scope[2], hidden, channels, kernel: 3, padding: 1, .zeros),
        ]
    }

    func forward(_ x: Tensor, _ context: Context) -> (Tensor, Tensor) {
        let parts = x.chunked(2, axis: 3)
        let (t, s) = affine(parts[0], context)
        let y = (parts[1] + t) * s.sigmoid()
        // log sigmoid(s), stable for large -s
        let logDeterminant = -(-s).softplus().flattened(1).sum(axes: [1])
        return (Tensor.concatenated([parts[0], y], axis: 3), logDeterminant)
    }

    func inverse(_ z: Tensor, _ context: Context) -> Tensor {
        let parts = z.chunked(2, axis: 3)
        let (t, s) = affine(parts[0], context)
        return Tensor.concatenated([parts[0], parts[1] / s.sigmoid() - t], axis: 3)
    }

    /// Shift, and the scale before its sigmoid, f32.
    private func affine(_ a: Tensor, _ context: Context) -> (Tensor, Tensor) {
        let h = layers[0](context.cast(a.contiguous()), activation: .relu)
        let parts = layers[2](layers[1](h, activation: .relu)).cast(to: .f32).chunked(2, axis: 3)
        return (parts[0], parts[1] + 2)
    }
}
