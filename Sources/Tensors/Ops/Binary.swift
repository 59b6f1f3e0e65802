// Functions of two numbers, with broadcasting: axes align at the end, and an axis of length 1 repeats.

/// The shape that two shapes broadcast to.
package func broadcastShape(_ a: [Int], _ b: [Int], _ op: StaticString) -> [Int] {
    if a == b { return a }
    let rank = max(a.count, b.count)
    return (0..<rank).map { axis in
        let i = axis - (rank - a.count)
        let j = axis - (rank - b.count)
        let (m, n) = (i < 0 ? 1 : a[i], j < 0 ? 1 : b[j])
        require(m == n || m == 1 || n == 1, "\(op): the shapes \(a) and \(b) do not broadcast")
        return m == 1 ? n : m
    }
}

extension Tensor {
    /// The common type of two operands: floats widen to f32 if they differ; other types must agree.
    private static func commonType(_ a: Tensor, _ b: Tensor, _ op: StaticString) -> DType {
        if a.dtype == b.dtype { return a.dtype }
        require(
            a.dtype.isFloat && b.dtype.isFloat, "\(op): operands of type \(a.dtype) and \(b.dtype)")
        return .f32
    }

    package static func binary(_ op: BinaryOp, _ a: Tensor, _ b: Tensor, _ name: StaticString)
        -> Tensor
    {
        let backend = sharedBackend(a, b, name)
        let shape = broadcastShape(a.shape, b.shape, name)
        let type = commonType(a, b, name)
        let z = uninitialized(shape, op.isComparison ? .bool : type, on: backend)
        backend.binary(op, a.detached.expanded(to: shape), b.detached.expanded(to: shape), into: z)
        guard !op.isComparison, type.isFloat else { return z }
        return z.recorded(from: [a, b]) { g in
            [
                a.isTracked
                    ? op.gradientOfLeft(a, b, g).summed(to: a.shape).cast(to: a.dtype) : nil,
                b.isTracked
                    ? op.gradientOfRight(a, b, g).summed(to: b.shape).cast(to: b.dtype) : nil,
            ]
        }
    }

    /// self · other, of one shape, stored in a float type.
    fileprivate func times(_ other: Tensor, as type: DType) -> Tensor {
        if Recording.isOn { return self * other }
        let z = result(nil, type)
        backend.binary(.mul, detached, other.detached, into: z)
        return z
    }

    public static func + (a: Tensor, b: Tensor) -> Tensor { binary(.add, a, b, "+") }
    public static func - (a: Tensor, b: Tensor) -> Tensor { binary(.sub, a, b, "-") }
    public static func * (a: Tensor, b: Tensor) -> Tensor { binary(.mul, a, b, "*") }
    public static func / (a: Tensor, b: Tensor) -> Tensor { binary(.div, a, b, "/") }
    public static func & (a: Tensor, b: Tensor) -> Tensor { binary(.and, a, b, "&") }
    public static func | (a: Tensor, b: Tensor) -> Tensor { binary(.or, a, b, "|") }

    public static func + (a: Tensor, b: Float) -> Tensor { a.unary(.addScalar(b)) }
    public static func + (a: Float, b: Tensor) -> Tensor { b.unary(.addScalar(a)) }
    public static func - (a: Tensor, b: Float) -> Tensor { a.unary(.addScalar(-b)) }
    public static func - (a: Float, b: Tensor) -> Tensor { b.unary(.rsubScalar(a)) }
    public static func * (a: Tensor, b: Float) -> Tensor { a.unary(.mulScalar(b)) }
    public static func * (a: Float, b: Tensor) -> Tensor { b.unary(.mulScalar(a)) }
    public static func / (a: Tensor, b: Float) -> Tensor { a.unary(.mulScalar(1 / b)) }
    public static func / (a: Float, b: Tensor) -> Tensor { b.unary(.rdivScalar(a)) }

    public static func += (a: inout Tensor, b: Tensor) { a = a + b }
    public static func -= (a: inout Tensor, b: Tensor) { a = a - b }
    public static func *= (a: inout Tensor, b: Tensor) { a = a * b }
    public static func /= (a: inout Tensor, b: Tensor) { a = a / b }

    /// self to the power of another tensor, for positive self.
    public func raised(to exponent: Tensor) -> Tensor {
        Tensor.binary(.pow, self, exponent, "raised")
    }

    public func equal(_ other: Tensor) -> Tensor { Tensor.binary(.eq, self, other, "equal") }
    public func notEqual(_ other: Tensor) -> Tensor { Tensor.binary(.ne, self, other, "notEqual") }
    public func less(_ other: Tensor) -> Tensor { Tensor.binary(.lt, self, other, "less") }
    public func lessEqual(_ other: Tensor) -> Tensor {
        Tensor.binary(.le, self, other, "lessEqual")
    }
    public func greater(_ other: Tensor) -> Tensor { Tensor.binary(.gt, self, other, "greater") }
    public func greaterEqual(_ other: Tensor) -> Tensor {
        Tensor.binary(.ge, self, other, "greaterEqual")
    }

    public func equal(_ value: Float) -> Tensor { equal(constant(value)) }
    public func less(_ value: Float) -> Tensor { less(constant(value)) }
    public func lessEqual(_ value: Float) -> Tensor { lessEqual(constant(value)) }
    public func greater(_ value: Float) -> Tensor { greater(constant(value)) }
    public func greaterEqual(_ value: Float) -> Tensor { greaterEqual(constant(value)) }
}

/// The larger of two elements; at a tie each side gets half of the gradient.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { Tensor.binary(.maximum, a, b, "maximum") }
/// The smaller of two elements; at a tie each side gets half of the gradient.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { Tensor.binary(.minimum, a, b, "minimum") }

extension BinaryOp {
    fileprivate func gradientOfLeft(_ a: Tensor, _ b: Tensor, _ g: Tensor) -> Tensor {
        switch self {
        case .add, .sub: g
        case .mul: g * b
        case .div: g / b
        case .pow: g * b * a.raised(to: b - 1)
        case .maximum: g * share(a.greater(b), a.equal(b), g.dtype)
        case .minimum: g * share(a.less(b), a.equal(b), g.dtype)
        case .siluMul: g * b * UnaryOp.silu.derivative(at: a)
        case .geluMul: g * b * UnaryOp.gelu.derivative(at: a)
        case .geluTanhMul: g * b * UnaryOp.geluTanh.derivative(at: a)
        case .sigmoidMul: g * b * UnaryOp.sigmoid.derivative(at: a)
        case .logisticLoss: g.times(Tensor.binary(.sigmoidSub, a, b, "-"), as: a.dtype)
        case .sigmoidSub: g * UnaryOp.sigmoid.derivative(at: a)
        default: mistake("\(self) has no gradient")
        }
    }

    fileprivate func gradientOfRight(_ a: Tensor, _ b: Tensor, _ g: Tensor) -> Tensor {
        switch self {
        case .add: g
        case .sub: -g
        case .mul: g * a
        case .div: -(g * a / b.squared())
        case .pow: g * a.raised(to: b) * Tensors.log(a)
        case .maximum: g * share(b.greater(a), a.equal(b), g.dtype)
        case .minimum: g * share(b.less(a), a.equal(b), g.dtype)
        case .siluMul: g * a.silu()
        case .geluMul: g * a.gelu()
        case .geluTanhMul: g * a.gelu(approximate: true)
        case .sigmoidMul: g * a.sigmoid()
        case .logisticLoss: -(g * a)
        case .sigmoidSub: -g
        default: mistake("\(self) has no gradient")
        }
    }

    /// 1 where this side wins, 1/2 at a tie.
    private func share(_ wins: Tensor, _ ties: Tensor, _ type: DType) -> Tensor {
        wins.cast(to: type) + ties.cast(to: type) * 0.5
    }
}

// MARK: choosing

extension Tensor {
    /// condition ? a : b, all three broadcasting.
    public static func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        require(condition.dtype == .bool, "select: the condition is \(condition.dtype), not bool")
        let type = commonType(a, b, "select")
        let values = broadcastShape(a.shape, b.shape, "select")
        let shape = broadcastShape(condition.shape, values, "select")
        let backend = sharedBackend(a, b, "select")
        _ = sharedBackend(condition, a, "select")
        let y = uninitialized(shape, type, on: backend)
        backend.select(
            condition.detached.expanded(to: shape), a.detached.expanded(to: shape),
            b.detached.expanded(to: shape),
            into: y)
        return y.recorded(from: [a, b]) { g in
            let zero = g.constant(0)
            return [
                a.isTracked
                    ? select(condition, g, zero).summed(to: a.shape).cast(to: a.dtype) : nil,
                b.isTracked
                    ? select(condition, zero, g).summed(to: b.shape).cast(to: b.dtype) : nil,
            ]
        }
    }

    /// `value` where the mask (broadcasting) is true, else this tensor's element.
    public func masked(_ mask: Tensor, with value: Float) -> Tensor {
        Tensor.select(mask, constant(value), self)
    }

    /// Keeps the lower triangle of the last two axes: column - row <= diagonal.
    public func lowerTriangle(_ diagonal: Int = 0) -> Tensor {
        masked(offDiagonal("lowerTriangle").greater(Float(diagonal)), with: 0)
    }

    /// Keeps the upper triangle of the last two axes: column - row >= diagonal.
    public func upperTriangle(_ diagonal: Int = 0) -> Tensor {
        masked(offDiagonal("upperTriangle").less(Float(diagonal)), with: 0)
    }

    /// column - row, (rows, columns).
    private func offDiagonal(_ op: StaticString) -> Tensor {
        require(rank >= 2, "\(op): a tensor of shape \(shape) has no rows and columns")
        let rows = Tensor.arange(shape[rank - 2], on: device).expandingAxis(1)
        return Tensor.arange(shape[rank - 1], on: device) - rows
    }

    /// Kept where the mask is true, and scaled by 1 / (1 - p).
    public func dropout(mask: Tensor, p: Float) -> Tensor {
        Tensor.select(mask, self * (1 / (1 - p)), constant(0))
    }

    /// Sets each element to 0 with probability p and scales the others by 1 / (1 - p).
    public func dropout(_ p: Float, key: inout RandomKey) -> Tensor {
        p == 0 ? self : dropout(mask: key.bernoulli(shape, probability: 1 - p, on: device), p: p)
    }
}

// MARK: gates

extension Tensor {
    /// silu(self) · up
    public func swiglu(_ up: Tensor) -> Tensor { Tensor.binary(.siluMul, self, up, "swiglu") }
    /// gelu(self) · up
    public func geglu(_ up: Tensor, approximate: Bool = false) -> Tensor {
        Tensor.binary(approximate ? .geluTanhMul : .geluMul, self, up, "geglu")
    }
    /// The axis in halves a, b: a · sigmoid(b).
    public func glu(axis: Int = -1) -> Tensor {
        let position = self.axis(axis, "glu")
        require(shape[position] % 2 == 0, "glu: axis \(axis) of \(shape) is odd")
        let halves = chunked(2, axis: position)
        return Tensor.binary(.sigmoidMul, halves[1], halves[0], "glu")
    }
}
