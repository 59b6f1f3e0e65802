import Glibc
import Networks
import Tensors

/// How much farther tokens attend to nearer ones: a number for each head and bucket of distances.
struct RelativeBias: Sendable {
    /// (buckets, H)
    let table: Embedding
    let buckets: Int
    let farthest: Int
    /// Whether keys on either side have buckets of their own.
    let isTwoSided: Bool

    init(_ scope: ParameterScope, _ c: T5Configuration, isTwoSided: Bool) {
        table = Embedding(scope["relative_attention_bias"], c.buckets, c.heads)
        (buckets, farthest, self.isTwoSided) = (c.buckets, c.farthest, isTwoSided)
    }

    /// (1, H, queries, keys) to add to scores; the queries are the last of the keys' places.
    func callAsFunction(queries: Int, keys: Int) -> Tensor {
        let first = keys - queries
        let byDistance = (-(keys - 1)..<keys).map { Int32(bucket(of: $0)) }
        var ids: [Int32] = []
        ids.reserveCapacity(queries * keys)
        for query in 0..<queries {
            let start = keys - 1 - (first + query)
            ids += byDistance[start..<start + keys]
        }
        let x = table(Tensor(ids, shape: [queries, keys], on: table.weight.device))
        return x.permuted([2, 0, 1]).expandingAxis(0).contiguous()
    }

    /// The bucket of a key so many places behind the query (negative: before it). Half of the buckets stand for one distance
    /// each, the others for ranges that grow with the distance.
    func bucket(of distance: Int) -> Int {
        let count = isTwoSided ? buckets / 2 : buckets
        let side = isTwoSided && distance > 0 ? count : 0
        let far = isTwoSided ? abs(distance) : max(0, -distance)
        let exact = count / 2
        if far < exact { return side + far }
        let share = logf(Float(far) / Float(exact)) / logf(Float(farthest) / Float(exact))
        return side + min(count - 1, exact + Int(share * Float(count - exact)))
    }
}

/// Attention with maps that have no biases; scores are not scaled.
struct T5Attention: Sendable {
    let q, k, v, o: Linear
    let heads: Int

    init(_ scope: ParameterScope, _ c: T5Configuration) {
        let (width, start) = (c.heads * c.headSize, Initializer.normal(deviation: 0.02))
        q = Linear(scope["q"], c.channels, width, bias: false, start)
        k = Linear(scope["k"], c.channels, width, bias: false, start)
        v = Linear(scope["v"], c.channels, width, bias: false, start)
        o = Linear(scope["o"], width, c.channels, bias: false, start)
        heads = c.heads
    }

    /// Keys and values (1, H, S, D) of one text's states (S, C).
    func memory(of states: Tensor) -> KeysAndValues {
        KeysAndValues(
            keys: k(states).expandingAxis(0).heads(heads).contiguous(),
            values: v(states).expandingAxis(0).heads(heads).contiguous())
    }

    /// What queries (T, H D) see of keys and values: (T, H D).
    func seen(_ queries: Tensor, _ memory: KeysAndValues, bias: Tensor?, causal: Causality = .none)
        -> Tensor
    {
        queries.expandingAxis(0).heads(heads)
            .attention(memory.keys, memory.values, mask: bias, scale: 1, causal: causal)
            .headsJoined().squeezed(0)
    }
}

/// Of one text and layer, each (1, H, S, D).
struct KeysAndValues: Sendable {
    var keys, values: Tensor
}

/// A map to a greater width and back; in version 1.1 the inner one is gated.
struct T5FeedForward: Sendable {
    let gate: Linear
    let up: Linear?
    let down: Linear
    let activation: Activation

    init(_ scope: ParameterScope, _ c: T5Configuration) {
        let start = Initializer.normal(deviation: 0.02)
        func map(_ name: String) -> Linear {
            Linear(scope[name], c.channels, c.inner, bias: false, start)
        }
        gate = map(c.isGated ? "wi_0" : "wi")
        up = c.isGated ? map("wi_1") : nil
        down = Linear(scope["wo"], c.inner, c.channels, bias: false, start)
        activation = c.activation
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let inner = gate(x, activation: activation)
        return down(up.map { inner * $0(x) } ?? inner)
    }
}
