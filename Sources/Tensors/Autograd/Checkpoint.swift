/// The body's value without keeping what lies between: the backward pass computes it again.
///
///     let y = checkpoint([x]) { block($0[0]) }
///
/// Costs a second forward pass of the body and saves the memory of its activations. The body must give the same value
/// both times; gradients also flow to tracked tensors that it uses from outside, such as parameters.
public func checkpoint(
    _ inputs: [Tensor], _ body: @escaping @Sendable ([Tensor]) -> Tensor
) -> Tensor {
    guard Recording.isOn else { return body(inputs) }
    let start = Node()
    let y = body(inputs.map(\.tracked))
    guard let root = y.node, root.id > start.id else { return y }
    let outside = nodesOlder(than: start.id, below: root)
    let node = Node(inputs: inputs.map(\.node) + outside) { g in
        let leaves = inputs.map(\.tracked)
        let again = recording { body(leaves) }
        return gradients(
            of: again, seed: g, at: leaves.map(\.node) + outside, createGraph: Recording.isOn)
    }
    return Tensor(storage: y.storage, layout: y.layout, dtype: y.dtype, node: node)
}

/// The nodes from before a moment whose values the graph below a node was computed from.
private func nodesOlder(than id: Int, below root: Node) -> [Node] {
    var visited: Set<Int> = [root.id]
    var found: [Node] = []
    var stack = [root]
    while let node = stack.popLast() {
        for case let input? in node.inputs where visited.insert(input.id).inserted {
            if input.id < id { found.append(input) } else { stack.append(input) }
        }
    }
    return found
}
