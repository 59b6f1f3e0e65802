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
    var root = y.node
    return gradients(ofRoot: &root, seed: seed, at: targets, createGraph: createGraph)
}

/// As above. Takes the root: if nothing else holds it, the graph ends node by node on the way, and what it kept is freed
/// as soon as it is of no more use.
private func gradients(
    ofRoot root: inout Node?, seed: Tensor, at targets: [Node?], createGraph: Bool
) -> [Tensor?] {
    guard var path = root.map({ GraphPath(from: $0, to: targets) }) else {
        return targets.map { _ in nil }
    }
    root = nil
    Recording.$isOn.withValue(createGraph) { path.pass(back: seed) }
    return targets.map { target in target.flatMap { path.gradient(of: $0) } }
}

extension Tensor {
    /// The gradients of a scalar function's value, which is then cut off from its computation: this frees what that kept
    /// while the gradients are computed. Zeros where it does not depend on a target.
    package mutating func takeGradients(at targets: [Tensor], seed: Tensor) -> [Tensor] {
        var root = node
        self = detached
        let found = Tensors.gradients(
            ofRoot: &root, seed: seed, at: targets.map(\.node), createGraph: false)
        return zip(targets, found).map { target, g in
            g ?? Tensor.zeros(target.shape, dtype: target.dtype, on: target.device)
        }
    }
}

/// The nodes that lie between a root and its targets, oldest first, and the gradients that have reached them.
private struct GraphPath {
    private var nodes: [Node] = []
    private let wanted: Set<Int>
    private var positions: [Int: Int] = [:]
    private var gradients: [Tensor?] = []

    init(from root: Node, to targets: [Node?]) {
        wanted = Set(targets.compactMap { $0?.id })
        guard let oldest = wanted.min() else { return }
        // Inputs are older than their users: one pass in ascending order settles who reaches a target.
        var reaching = wanted
        for node in GraphPath.nodes(below: root, since: oldest) {
            let reaches =
                wanted.contains(node.id)
                || node.inputs.contains { $0.map { reaching.contains($0.id) } ?? false }
            guard reaches else { continue }
            reaching.insert(node.id)
            positions[node.id] = nodes.count
            nodes.append(node)
        }
        gradients = [Tensor?](repeating: nil, count: nodes.count)
    }

    /// Found without recursion: graphs are as deep as training steps are long.
    private static func nodes(below root: Node, since oldest: Int) -> [Node] {
        var visited: Set<Int> = [root.id]
        var found: [Node] = []
        var stack = [root]
        while let node = stack.popLast() {
            found.append(node)
            for case let input? in node.inputs
            where input.id >= oldest && visited.insert(input.id).inserted {
                stack.append(input)
            }
        }
        return found.sorted { $0.id < $1.id }
    }

    func gradient(of node: Node) -> Tensor? { positions[node.id].flatMap { gradients[$0] } }

    /// From the root, which is the newest, to the targets.
    mutating func pass(back seed: Tensor) {
        guard !nodes.isEmpty else { return }
        gradients[nodes.count - 1] = seed
        while let node = nodes.popLast() {
            let i = nodes.count
            guard let pullback = node.pullback, let g = gradients[i] else { continue }
            if !wanted.contains(node.id) { gradients[i] = nil }
            for (input, part) in zip(node.inputs, pullback(g)) {
                guard let input, let part, let to = positions[input.id] else { continue }
                if gradients[to] == nil { gradients[to] = part } else { gradients[to]?.add(part) }
            }
        }
    }
}

extension Tensor {
    /// self += part, in place where nothing else holds it and no history is kept.
    fileprivate mutating func add(_ part: Tensor) {
        let isWhole = layout.isContiguous && storage.bytes == count * dtype.size
        guard !Recording.isOn, isWhole, part.dtype == dtype, part.shape == shape,
            isKnownUniquelyReferenced(&storage)
        else {
            self = self + part
            return
        }
        backend.binary(.add, self, part.detached, into: self)
    }
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
