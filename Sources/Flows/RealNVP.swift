public import Networks
public import Tensors

/// A flow of vectors (N, D) by affine couplings (Dinh et al. 2017): each keeps one half of the numbers, and scales and
/// shifts the other half by what networks make of the first.
public struct RealNVP: Flow {
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 2
        public var couplings = 6
        public var hidden = 64

        public init(dimensions: Int = 2, couplings: Int = 6, hidden: Int = 64) {
            (self.dimensions, self.couplings) = (dimensions, couplings)
            self.hidden = hidden
        }
    }

    public let configuration: Configuration
    let couplings: [Coupling]

    public init(_ scope: ParameterScope, _ c: Configuration) {
        require(c.dimensions > 1, "RealNVP: a coupling needs two numbers to keep one")
        configuration = c
        couplings = (0..<c.couplings).map { Coupling(scope["c"][$0], c, keepsFirst: $0 % 2 == 0) }
    }

    public func forward(_ x: Tensor, _ context: Context = .evaluation) -> (
        z: Tensor, logDeterminant: Tensor
    ) {
        var y = x
        var total = Tensor.zeros([x.shape[0]], on: x.device)
        for coupling in couplings {
            let (next, logDeterminant) = coupling.forward(y, context)
            y = next
            total = total + logDeterminant
        }
        return (y, total)
    }

    public func inverse(_ z: Tensor, _ context: Context = .evaluation) -> Tensor {
        couplings.reversed().reduce(z) { $1.inverse($0, context) }
    }
}

/// b · e^s + t for one half b, with s and t from the other half a.
struct Coupling: Sendable {
    let scale: MLP
    let shift: MLP
    let sizes: [Int]
    let keepsFirst: Bool

    init(_ scope: ParameterScope, _ c: RealNVP.Configuration, keepsFirst: Bool) {
        let first = (c.dimensions + 1) / 2
        sizes = [first, c.dimensions - first]
        self.keepsFirst = keepsFirst
        let (kept, changed) = keepsFirst ? (sizes[0], sizes[1]) : (sizes[1], sizes[0])
        let widths = [kept, c.hidden, c.hidden, changed]
        scale = MLP(scope["s"], widths, activation: .silu)
        shift = MLP(scope["t"], widths, activation: .silu)
    }

    func forward(_ x: Tensor, _ context: Context) -> (Tensor, Tensor) {
        let (a, b) = halves(x)
        let (s, t) = affine(a, context)
        return (joined(a, b * exp(s) + t), s.sum(axes: [1]))
    }

    func inverse(_ z: Tensor, _ context: Context) -> Tensor {
        let (a, b) = halves(z)
        let (s, t) = affine(a, context)
        return joined(a, (b - t) * exp(-s))
    }

    /// Log scale in -1 ... 1 and shift, f32.
    private func affine(_ a: Tensor, _ context: Context) -> (Tensor, Tensor) {
        let a = context.cast(a)
        return (tanh(scale(a).cast(to: .f32)), shift(a).cast(to: .f32))
    }

    private func halves(_ x: Tensor) -> (Tensor, Tensor) {
        let parts = x.split(sizes, axis: 1)
        return keepsFirst ? (parts[0], parts[1]) : (parts[1], parts[0])
    }

    private func joined(_ a: Tensor, _ b: Tensor) -> Tensor {
        Tensor.concatenated(keepsFirst ? [a, b] : [b, a], axis: 1)
    }
}
