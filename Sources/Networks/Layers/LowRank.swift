public import Tensors

/// Which linear maps get a trainable low-rank addition (Hu et al. 2021), and of which rank.
///
///     let scope = store.scope.adapting(LowRankPlan(rank: 4, alpha: 8) { $0.hasSuffix("qkv") })
///     let model = GPT(scope, configuration)
///     store.parameters.filter { $0.role != .adapter }.freeze()
public struct LowRankPlan: Sendable {
    /// The addition to one map.
    public struct Addition: Sendable, Hashable {
        public var rank: Int
        public var scale: Float
        /// The sum's rows get lengths of their own (DoRA, Liu et al. 2024).
        public var hasMagnitude: Bool

        public init(rank: Int, scale: Float, hasMagnitude: Bool = false) {
            (self.rank, self.scale, self.hasMagnitude) = (rank, scale, hasMagnitude)
        }
    }

    /// By a linear map's path: "h.0.attn.qkv".
    let addition: @Sendable (String) -> Addition?

    /// One for each map by its path; nil: none.
    public init(_ addition: @escaping @Sendable (String) -> Addition?) { self.addition = addition }

    /// The same for all that are wanted, scaled by alpha / rank.
    public init(rank: Int, alpha: Float, where isWanted: @escaping @Sendable (String) -> Bool) {
        let each = Addition(rank: rank, scale: alpha / Float(rank))
        self.init { isWanted($0) ? each : nil }
    }
}

/// scale · (x A^T) B^T, beside a linear map whose weight stays as it is.
public struct LowRankAdapter: Sendable {
    /// (rank, inputs)
    public let down: Parameter
    /// (outputs, rank), 0 at first.
    public let up: Parameter
    public let scale: Float
    /// (outputs): the length that each row of the sum is brought to; nil: rows stay as they are.
    public let magnitude: Parameter?

    init(_ scope: ParameterScope, _ plan: LowRankPlan.Addition, inputs: Int, outputs: Int) {
        down = scope.parameter("lora_a", [plan.rank, inputs], .fanIn, role: .adapter)
        up = scope.parameter("lora_b", [outputs, plan.rank], .zeros, role: .adapter)
        scale = plan.scale
        magnitude =
            plan.hasMagnitude
            ? scope.parameter("lora_magnitude", [outputs], .ones, role: .adapter) : nil
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        x.linear(down.value(as: x.dtype)).linear(up.value(as: x.dtype)) * scale
    }

    /// What it adds to the weight: (outputs, inputs).
    public var weight: Tensor { up.value.matmul(down.value) * scale }

    /// What brings each row of the sum with a weight to its length: (outputs); nil: nothing is to be done. Training takes
    /// the lengths before for constants.
    func stretch(of base: Parameter) -> Tensor? {
        magnitude.map { $0.value / noGrad { (base.value + weight).rowLengths } }
    }
}

extension Tensor {
    /// The Euclidean length of each row of a matrix: (rows).
    public var rowLengths: Tensor { sqrt((self * self).sum(axes: [1])) }
}

extension Linear {
    /// The weight with the addition in it, as if the two were one map.
    public var mergedWeight: Tensor {
        guard let adapter else { return weight.value }
        let sum = weight.value + adapter.weight
        return adapter.stretch(of: weight).map { sum * $0.expandingAxis(1) } ?? sum
    }
}
