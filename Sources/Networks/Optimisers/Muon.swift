public import Tensors

/// Momentum made orthogonal: every direction of a matrix moves alike (Jordan 2024). For matrices; a convolution's
/// weight counts as (O, the rest).
public struct Muon: DecayingRule, Codable {
    /// How the step's size follows the matrix's shape.
    public enum Adjustment: String, Sendable, Codable {
        /// √max(1, rows / columns)
        case original
        /// 0.2 √max(rows, columns): AdamW's learning rates and weight decays fit.
        case matchRMSAdamW = "match_rms_adamw"
    }

    public var momentum = 0.95
    public var nesterov = true
    public var weightDecay = 0.0
    public var iterations = 5
    public var adjustment = Adjustment.original

    public init(
        momentum: Double = 0.95, nesterov: Bool = true, weightDecay: Double = 0,
        iterations: Int = 5, adjustment: Adjustment = .original
    ) {
        (self.momentum, self.nesterov, self.weightDecay) = (momentum, nesterov, weightDecay)
        (self.iterations, self.adjustment) = (iterations, adjustment)
    }

    public func step(
        _ parameter: inout Tensor, _ gradient: Tensor, _ state: inout UpdateState, lr: Double
    ) {
        require(gradient.rank >= 2, "Muon: a parameter of shape \(gradient.shape) is no matrix")
        var m = state.take("momentum") { [p = parameter] in .zeros(p.shape, on: p.device) }
        m.add(gradient, times: 1 - momentum, decay: 1 - momentum)
        let u = nesterov ? gradient * Float(1 - momentum) + m * Float(momentum) : m
        let flat = u.reshaped([u.shape[0], -1])
        let o = Muon.orthogonalized(flat, iterations: iterations).reshaped(parameter.shape)
        let (rows, columns) = (Double(flat.shape[0]), Double(flat.shape[1]))
        let size =
            switch adjustment {
            case .original: max(1, rows / columns).squareRoot()
            case .matchRMSAdamW: 0.2 * max(rows, columns).squareRoot()
            }
        parameter.add(o, times: -lr * size, decay: lr * weightDecay)
        state.tensors["momentum"] = m
        state.step += 1
    }

    /// The nearest matrix with singular values about 1, by Newton-Schulz iterations of degree five.
    static func orthogonalized(_ u: Tensor, iterations: Int) -> Tensor {
        let isTall = u.shape[0] > u.shape[1]
        var x = u / u.norm().clamped(min: 1e-7)
        if isTall { x = x.transposed().contiguous() }
        for _ in 0..<iterations {
            let gram = x.matmul(x.transposed())
            x = x * 3.4445 + (gram * -4.7750 + gram.matmul(gram) * 2.0315).matmul(x)
        }
        return isTall ? x.transposed().contiguous() : x
    }
}
