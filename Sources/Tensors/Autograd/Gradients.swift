/// The gradients of `y` (of `sum(y · seed)`) with respect to each of `targets`; nil where `y` does not depend on it.
///
/// With `createGraph` the gradients are themselves recorded, and can be differentiated again.
package func gradients(of y: Tensor, seed: Tensor, at targets: [Tensor], createGraph: Bool = false)
    -> [Tensor?]
{
    require(
        seed.shape == y.shape,
        "gradients: a seed of shape \(seed.shape) for a value of shape \(y.shape)")
    return gradients(of: y, seed: seed, at: targets.map(\.node), createGraph: createGraph)
}

/// As above, for the values that the nodes stand for.
package func gradients(of y: Tensor, seed: Tensor, at targets: [Node?], createGraph: Bool)
    -> [Tensor?]
{
    guard let root = y.node else { return targets.map { _ in nil } }
    let wanted = Set(targets.compactMap { $0?.id })
    let byNode = Recording.$isOn.withValue(createGraph) {
        backward(from: root, seed: seed, to: wanted)
    }
    return targets.map { target in target.flatMap { byNode[$0.id] } }
}

/// Passes the seed back through every node that lies between the root and a target.
private func backward(from root: Node, seed: Tensor, to wanted: Set<Int>) -> [Int: Tensor] {
    guard let oldest = wanted.min() else { return [:] }
    let path = nodesOnPath(from: root, to: wanted, oldest: oldest)
    let needed = Set(path.map(\.id))
    var gradients: [Int: Tensor] = [root.id: seed]
    for node in path.sorted(by: { $0.id > $1.id }) {
        guard let pullback = node.pullback, let g = gradients[node.id] else { continue }
        if !wanted.contains(node.id) { gradients[node.id] = nil }
        for (input, part) in zip(node.inputs, pullback(g)) {
            guard let input, let part, needed.contains(input.id) else { continue }
            gradients[input.id] = gradients[input.id].map { $0 + part } ?? part
        }
    }
    return gradients
}

/// The nodes from which a wanted node can be reached, found without recursion: graphs are as deep as training steps are long.
private func nodesOnPath(from root: Node, to wanted: Set<Int>, oldest: Int) -> [Node] {
    var visited: Set<Int> = [root.id]
    var order: [Node] = []
    var stack = [root]
    while let node = stack.popLast() {
        order.append(node)
        for case let input? in node.inputs
        where input.id >= oldest && visited.insert(input.id).inserted {
            stack.append(input)
        }
    }
    // Inputs are older than their users: one pass in ascending order settles who reaches a target.
    var reaching = wanted
    let ascending = order.sorted { $0.id < $1.id }
    for node in ascending
    where node.inputs.contains(where: { $0.map { reaching.contains($0.id) } ?? false }) {
        reaching.insert(node.id)
    }
    return ascending.filter { reaching.contains($0.id) }
}

/// The value of a scalar function and its gradients.
///
///     let (loss, gradients) = valueAndGradient(at: [w, b]) { p in (x.matmul(p[0]) + p[1] - y).squared().mean() }
///
/// - Parameters:
///   - parameters: where the function is evaluated.
///   - createGraph: whether the gradients can be differentiated again.
/// - Returns: the value (), and a gradient like each parameter; zeros where the value does not depend on it.
public func valueAndGradient(
    at parameters: [Tensor], createGraph: Bool = false, _ function: ([Tensor]) throws -> Tensor
) rethrows -> (value: Tensor, gradients: [Tensor]) {
    let leaves = parameters.map { $0.isTracked && createGraph ? $0 : $0.tracked }
    let value = try Recording.$isOn.withValue(true) { try function(leaves) }
    require(
        value.count == 1,
        "valueAndGradient: the value has shape \(value.shape), but must be one number")
    let found = value.gradients(at: leaves, createGraph: createGraph)
    return (createGraph ? value : value.detached, found)
}

extension Tensor {
    /// Gradients of this value (of its sum, weighted by `seed` if given) with respect to tracked tensors it was computed from.
    public func gradients(at targets: [Tensor], seed: Tensor? = nil, createGraph: Bool = false)
        -> [Tensor]
    {
        let seed = seed ?? Tensor.ones(shape, dtype: dtype, on: device)
        let found = Tensors.gradients(of: self, seed: seed, at: targets, createGraph: createGraph)
        return zip(targets, found).map { target, g in
            g ?? Tensor.zeros(target.shape, dtype: target.dtype, on: target.device)
        }
    }
}
