import CApus

extension CPUBackend {
    package func generate(_ source: Generator, into y: Tensor) {
        withArrays(y) { a in
            switch source {
            case .constant(let value): apus_fill(value, a)
            case .iota(let start, let step): apus_iota(start, step, a)
            case .random(let distribution, let seed, let stream):
                let (kind, p, q) = distribution.c
                apus_random(kind, seed, stream, p, q, a)
            }
        }
    }

    package func copy(_ x: Tensor, into y: Tensor) {
        withArrays(x, y) { apus_copy($0, $0 + 1) }
    }

    package func unary(_ op: UnaryOp, _ x: Tensor, into y: Tensor) {
        let (code, p, q) = op.c
        withArrays(x, y) { apus_unary(code, p, q, $0, $0 + 1) }
    }

    package func unaryGradient(_ op: UnaryOp, _ x: Tensor, _ g: Tensor, into dx: Tensor) {
        let (code, p, q) = op.c
        withArrays(x, g, dx) { apus_unary_gradient(code, p, q, $0, $0 + 1, $0 + 2) }
    }

    package func binary(_ op: BinaryOp, _ x: Tensor, _ y: Tensor, into z: Tensor) {
        withArrays(x, y, z) {
            apus_binary(apus_binary_op(rawValue: op.rawValue), $0, $0 + 1, $0 + 2)
        }
    }

    package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into y: Tensor) {
        withArrays(condition, a, b, y) { apus_select($0, $0 + 1, $0 + 2, $0 + 3) }
    }
}

extension Distribution {
    /// The C code of the distribution and its two parameters; also the OpenCL kernels'.
    var c: (apus_distribution, Float, Float) {
        switch self {
        case .bits: (APUS_BITS, 0, 0)
        case .uniform(let low, let high): (APUS_UNIFORM, low, high)
        case .normal(let mean, let deviation): (APUS_NORMAL, mean, deviation)
        case .bernoulli(let probability): (APUS_BERNOULLI, probability, 0)
        }
    }
}

extension UnaryOp {
    /// The C code of the op and its two parameters; also the OpenCL kernels'.
    var c: (apus_unary_op, Float, Float) {
        switch self {
        case .exp: (APUS_EXP, 0, 0)
        case .log: (APUS_LOG, 0, 0)
        case .log1p: (APUS_LOG1P, 0, 0)
        case .expm1: (APUS_EXPM1, 0, 0)
        case .sqrt: (APUS_SQRT, 0, 0)
        case .rsqrt: (APUS_RSQRT, 0, 0)
        case .reciprocal: (APUS_RECIPROCAL, 0, 0)
        case .square: (APUS_SQUARE, 0, 0)
        case .abs: (APUS_ABS, 0, 0)
        case .neg: (APUS_NEG, 0, 0)
        case .sin: (APUS_SIN, 0, 0)
        case .cos: (APUS_COS, 0, 0)
        case .erf: (APUS_ERF, 0, 0)
        case .tanh: (APUS_TANH, 0, 0)
        case .sigmoid: (APUS_SIGMOID, 0, 0)
        case .softplus(let beta): (APUS_SOFTPLUS, beta, 0)
        case .relu: (APUS_RELU, 0, 0)
        case .leakyRelu(let slope): (APUS_LEAKY_RELU, slope, 0)
        case .elu(let alpha): (APUS_ELU, alpha, 0)
        case .gelu: (APUS_GELU, 0, 0)
        case .geluTanh: (APUS_GELU_TANH, 0, 0)
        case .silu: (APUS_SILU, 0, 0)
        case .mish: (APUS_MISH, 0, 0)
        case .addScalar(let value): (APUS_ADD_SCALAR, value, 0)
        case .mulScalar(let value): (APUS_MUL_SCALAR, value, 0)
        case .rsubScalar(let value): (APUS_RSUB_SCALAR, value, 0)
        case .rdivScalar(let value): (APUS_RDIV_SCALAR, value, 0)
        case .powScalar(let value): (APUS_POW_SCALAR, value, 0)
        case .clamp(let min, let max): (APUS_CLAMP, min, max)
        case .sign: (APUS_SIGN, 0, 0)
        case .floor: (APUS_FLOOR, 0, 0)
        case .ceil: (APUS_CEIL, 0, 0)
        case .round: (APUS_ROUND, 0, 0)
        case .not: (APUS_NOT, 0, 0)
        case .isFinite: (APUS_IS_FINITE, 0, 0)
        }
    }
}
