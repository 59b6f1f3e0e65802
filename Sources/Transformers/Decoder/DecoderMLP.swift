import Networks
import Tensors

/// What a layer does to each token alone: x (…, C) to (…, C). One MLP, or the best of several experts.
enum DecoderMLP: Sendable {
    case one(GatedMLP)
    case experts(ExpertMLP)

    init(_ scope: ParameterScope, _ c: DecoderConfiguration) {
        let n = c.names
        if let experts = c.experts {
            self = .experts(ExpertMLP(scope, c, experts))
        } else {
            self = .one(GatedMLP(scope, c, gate: n.gate, up: n.up, down: n.down))
        }
    }

    /// The result, added to `residual`.
    func callAsFunction(_ x: Tensor, adding residual: Tensor?) -> Tensor {
        switch self {
        case .one(let mlp): mlp(x, adding: residual)
        case .experts(let mlp): residual.map { $0 + mlp(x) } ?? mlp(x)
        }
    }
}

/// down(activation(gate(x)) · up(x)), or without a gate down(activation(up(x))).
struct GatedMLP: Sendable {
    let input: Input
    let down: Linear
    let activation: Activation

    enum Input: Sendable {
        case plain(Linear)
        case gated(gate: Linear, up: Linear)
        /// One map, whose first half is the gate.
        case joined(Linear)
    }

    init(
        _ scope: ParameterScope, _ c: DecoderConfiguration, gate: String, up: String,
        down: String
    ) {
        func map(_ name: String, _ outputs: Int) -> Linear {
            scope.map(name, c.channels, outputs, c.biases.mlp, c)
        }
        if !c.isGated {
            input = .plain(map(up, c.hidden))
        } else if c.joinsGate {
            input = .joined(map(c.names.gateUp, 2 * c.hidden))
        } else {
            input = .gated(gate: map(gate, c.hidden), up: map(up, c.hidden))
        }
        self.down = scope.map(down, c.hidden, c.channels, c.biases.mlp, c)
        activation = c.activation
    }

    func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        let y = hidden(x)
        return residual.map { down(y, adding: $0) } ?? down(y)
    }

    private func hidden(_ x: Tensor) -> Tensor {
        switch input {
        case .plain(let up): return up(x, activation: activation)
        case .gated(let gate, let up): return Linear.gated(gate, up, x, activation: activation)
        case .joined(let map):
            let both = map(x)
            let width = both.shape[both.rank - 1] / 2
            let parts = both.split([width, width], axis: -1)
            return parts[0].activated(activation) * parts[1]
        }
    }
}

/// A router gives every token to its best experts; their results are added up, weighted by a softmax over those.
struct ExpertMLP: Sendable {
    let router: Linear
    let experts: [GatedMLP]
    let active: Int

    init(
        _ scope: ParameterScope, _ c: DecoderConfiguration, _ sizes: DecoderConfiguration.Experts
    ) {
        let n = c.names
        router = scope.map(n.router, c.channels, sizes.count, false, c)
        experts = (0..<sizes.count).map {
            GatedMLP(
                scope[n.experts][$0], c, gate: n.expertGate, up: n.expertUp, down: n.expertDown)
        }
        active = sizes.active
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let scores = router(x)  // (…, experts)
        let least = scores.detached.top(active).values[.rest, active - 1].expandingAxis(-1)
        let weights = scores.masked(least.greater(scores.detached), with: -.infinity).softmax()
        // What lies in the computer's own memory can be looked at without waiting.
        let isReadable = x.device == .cpu && !weights.isTracked
        return isReadable ? chosen(x, weights) : all(x, weights)
    }

    /// Every expert sees every token, and counts with weight 0 where it was not chosen: nothing is read from the device.
    private func all(_ x: Tensor, _ weights: Tensor) -> Tensor {
        var sum: Tensor?
        for (i, expert) in experts.enumerated() {
            let part = expert(x) * weights[.rest, i].expandingAxis(-1)
            sum = sum.map { $0 + part } ?? part
        }
        return sum ?? x
    }

    /// Every expert sees the tokens that chose it.
    private func chosen(_ x: Tensor, _ weights: Tensor) -> Tensor {
        let rows = x.reshaped([-1, x.shape[x.rank - 1]])  // (N, C)
        let shares = weights.reshaped([rows.shape[0], experts.count])
        let values = shares.scalars()
        var sum = Tensor.zeros(rows.shape, on: x.device)
        for (i, expert) in experts.enumerated() {
            let own = (0..<rows.shape[0]).filter { values[$0 * experts.count + i] > 0 }
            guard !own.isEmpty else { continue }
            let index = Tensor(own.map { Int32($0) }, on: x.device)
            let part = expert(rows.selecting(index)).cast(to: .f32)
            let share = shares.selecting(index)[.all, i].expandingAxis(1).cast(to: .f32)
            sum = sum.addingSlices(part * share, at: index)
        }
        return sum.cast(to: x.dtype).reshaped(x.shape)
    }
}
