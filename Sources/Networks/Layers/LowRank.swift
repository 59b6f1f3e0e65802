public import Tensors

/// Which linear maps get a trainable low-rank addition (Hu et al. 2021), and of which rank.
///
///     let scope = store.scope.adapting(LowRankPlan(rank: 4, alpha: 8) { $0.hasSuffix("qkv") })
///     let model = GPT(scope, configuration)
///     store.parameters.filter { $0.role != .adapter }.freeze()
public struct LowRankPlan: Sendable {
    public let rank: Int
    /// The addition is scaled by alpha / rank.
    public let alpha: Float
    /// Of a linear map's path: "h.0.attn.qkv".
    let isWanted: @Sendable (String) -> Bool

    public init(rank: Int, alpha: Float, where isWanted: @escaping @Sendable (String) -> Bool) {
        (self.rank, self.alpha, self.isWanted) = (rank, alpha, isWanted)
    }
}

/// scale · (x A^T) B^T, beside a linear map whose weight stays as it is.
public struct LowRankAdapter: Sendable {
    /// (rank, inputs)
    public let down: Parameter
    /// (outputs, rank), 0 at first.
    public let up: Parameter
    public let scale: Float

    init(_ scope: ParameterScope, _ plan: LowRankPlan, inputs: Int, outputs: Int) {
        down = scope.parameter("lora_a", [plan.rank, inputs], .fanIn, role: .adapter)
        up = scope.parameter("lora_b", [outputs, plan.rank], .zeros, role: .adapter)
        scale = plan.alpha / Float(plan.rank)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        x.linear(down.value(as: x.dtype)).linear(up.value(as: x.dtype)) * scale
    }

    /// What it adds to the weight: (outputs, inputs).
    public var weight: Tensor { up.value.matmul(down.value) * scale }
}

extension Linear {
    /// The weight with the addition in it, as if the two were one map.
    public var mergedWeight: Tensor {
        adapter.map { weight.value + $0.weight } ?? weight.value
    }
}
