// Functions of one number. Each has a kernel for its value and one for its gradient; where the gradient is itself to be
// differentiated, the derivative written in tensor ops stands in.

extension Tensor {
    package func unary(_ op: UnaryOp) -> Tensor {
        let isTest = op == .not || op == .isFinite
        require(
            dtype.isFloat || isTest || op.takesIntegers, "\(op): needs a float tensor, not \(dtype)"
        )
        let y = result(shape, isTest ? .bool : dtype)
        backend.unary(op, self, into: y)
        guard op.isDifferentiable, dtype.isFloat else { return y }
        return y.recorded(from: [self]) { [x = self] g in
            if Recording.isOn { return [g * op.derivative(at: x)] }
            let dx = x.result()
            x.backend.unaryGradient(op, x, g, into: dx)
            return [dx]
        }
    }

    public func squared() -> Tensor { unary(.square) }
    public func reciprocal() -> Tensor { unary(.reciprocal) }
    public func sign() -> Tensor { unary(.sign) }
    public func rounded() -> Tensor { unary(.round) }
    /// Limited to min ... max; the gradient passes on both bounds.
    public func clamped(min: Float = -.infinity, max: Float = .infinity) -> Tensor {
        unary(.clamp(min: min, max: max))
    }
    public func isFinite() -> Tensor { unary(.isFinite) }
    public func raised(to exponent: Float) -> Tensor { unary(.powScalar(exponent)) }

    public func relu() -> Tensor { unary(.relu) }
    public func leakyRelu(slope: Float = 0.01) -> Tensor { unary(.leakyRelu(slope: slope)) }
    public func elu(alpha: Float = 1) -> Tensor { unary(.elu(alpha: alpha)) }
    /// x Φ(x), by the error function or by its tanh approximation.
    public func gelu(approximate: Bool = false) -> Tensor { unary(approximate ? .geluTanh : .gelu) }
    public func silu() -> Tensor { unary(.silu) }
    public func sigmoid() -> Tensor { unary(.sigmoid) }
    public func softplus(beta: Float = 1) -> Tensor { unary(.softplus(beta: beta)) }
    public func mish() -> Tensor { unary(.mish) }

    public static prefix func - (x: Tensor) -> Tensor { x.unary(.neg) }
    public static prefix func .! (x: Tensor) -> Tensor { x.unary(.not) }
}

/// Elementwise logical not, to bool.
prefix operator .!

public func exp(_ x: Tensor) -> Tensor { x.unary(.exp) }
public func log(_ x: Tensor) -> Tensor { x.unary(.log) }
public func log1p(_ x: Tensor) -> Tensor { x.unary(.log1p) }
public func expm1(_ x: Tensor) -> Tensor { x.unary(.expm1) }
public func sqrt(_ x: Tensor) -> Tensor { x.unary(.sqrt) }
public func rsqrt(_ x: Tensor) -> Tensor { x.unary(.rsqrt) }
public func abs(_ x: Tensor) -> Tensor { x.unary(.abs) }
public func sin(_ x: Tensor) -> Tensor { x.unary(.sin) }
public func cos(_ x: Tensor) -> Tensor { x.unary(.cos) }
public func erf(_ x: Tensor) -> Tensor { x.unary(.erf) }
public func tanh(_ x: Tensor) -> Tensor { x.unary(.tanh) }
public func floor(_ x: Tensor) -> Tensor { x.unary(.floor) }
public func ceil(_ x: Tensor) -> Tensor { x.unary(.ceil) }

extension UnaryOp {
    var isDifferentiable: Bool {
        switch self {
        case .sign, .floor, .ceil, .round, .not, .isFinite: false
        default: true
        }
    }

    var takesIntegers: Bool {
        switch self {
        case .abs, .neg, .square, .sign, .addScalar, .mulScalar, .rsubScalar, .clamp: true
        default: false
        }
    }

    /// f'(x) in tensor ops: the definition behind the gradient kernels.
    func derivative(at x: Tensor) -> Tensor {
        switch self {
        case .exp: return Tensors.exp(x)
        case .log: return x.reciprocal()
        case .log1p: return (x + 1).reciprocal()
        case .expm1: return Tensors.exp(x)
        case .sqrt: return Tensors.rsqrt(x) * 0.5
        case .rsqrt: return x.raised(to: -1.5) * -0.5
        case .reciprocal: return -x.raised(to: -2)
        case .square: return x * 2
        case .abs: return x.sign()
        case .neg: return x.constant(-1)
        case .sin: return Tensors.cos(x)
        case .cos: return -Tensors.sin(x)
        case .erf: return Tensors.exp(-x.squared()) * (2 / Float.pi.squareRoot())
        case .tanh: return 1 - Tensors.tanh(x).squared()
        case .sigmoid: return x.sigmoid() * (-x).sigmoid()
        case .addScalar: return x.constant(1)
        case .mulScalar(let a): return x.constant(a)
        case .rsubScalar: return x.constant(-1)
        case .rdivScalar(let a): return x.raised(to: -2) * -a
        case .powScalar(let p): return x.raised(to: p - 1) * p
        case .clamp(let low, let high):
            return (x.greaterEqual(low) & x.lessEqual(high)).cast(to: x.dtype)
        default: return activationDerivative(at: x)
        }
    }

    private func activationDerivative(at x: Tensor) -> Tensor {
        switch self {
        case .softplus(let beta): return (x * beta).sigmoid()
        case .relu: return x.greater(0).cast(to: x.dtype)
        case .leakyRelu(let slope):
            return Tensor.select(x.greater(0), x.constant(1), x.constant(slope))
        case .elu(let alpha):
            return Tensor.select(
                x.greater(0), x.constant(1), Tensors.exp(x.clamped(max: 0)) * alpha)
        case .gelu:
            let density = Tensors.exp(x.squared() * -0.5) * (1 / (2 * Float.pi).squareRoot())
            return (Tensors.erf(x * Float(0.5).squareRoot()) + 1) * 0.5 + x * density
        case .geluTanh:
            let c = (2 / Float.pi).squareRoot()
            let t = Tensors.tanh((x + x.squared() * x * 0.044715) * c)
            return (t + 1) * 0.5 + x * 0.5 * (1 - t.squared())
                * ((x.squared() * (3 * 0.044715) + 1) * c)
        case .silu:
            let s = x.sigmoid()
            return s * (x * (1 - s) + 1)
        case .mish:
            let t = Tensors.tanh(x.softplus())
            return t + x * (1 - t.squared()) * x.sigmoid()
        default: mistake("\(self) has no derivative")
        }
    }
}

extension Tensor {
    /// relu's gradient from that of its value: self where its value y is above 0, as x then is, else 0.
    package func whereRelu(gave y: Tensor) -> Tensor {
        let op = UnaryOp.relu
        if Recording.isOn { return self * op.derivative(at: y) }
        let dx = result()
        backend.unaryGradient(op, y, self, into: dx)
        return dx
    }

    /// One number in this tensor's shape, as a broadcast view.
    package func constant(_ value: Float) -> Tensor {
        Tensor.full([], value, dtype: dtype, on: device).expanded(to: shape)
    }
}
