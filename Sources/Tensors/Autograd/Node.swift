import Synchronization

/// One recorded op: whose results it used, and how a gradient passes back through it.
///
/// Ids grow with time, so a node's inputs have smaller ids than itself and descending ids are a valid backward order.
package final class Node: Sendable {
    package typealias Pullback = @Sendable (Tensor) -> [Tensor?]

    package let id: Int
    // The two never change but in deinit, when nobody else can look.
    /// The nodes of the op's inputs; nil where no gradient is wanted.
    package nonisolated(unsafe) private(set) var inputs: [Node?]
    /// Gradients for the inputs from the gradient of the result. Nil for a leaf.
    package nonisolated(unsafe) private(set) var pullback: Pullback?

    /// Whether the gradient of the result may be f32 although the result is narrower: a cast from f32 only hands it on.
    package let takesWideGradient: Bool

    private static let counter = Atomic<Int>(0)

    package init(
        inputs: [Node?] = [], takesWideGradient: Bool = false, pullback: Pullback? = nil
    ) {
        self.takesWideGradient = takesWideGradient
        id = Node.counter.add(1, ordering: .relaxed).newValue
        self.inputs = inputs
        self.pullback = pullback
    }

    deinit {
        guard pullback != nil else { return }
        if Teardown.takes(&inputs, &pullback) { Teardown.run() }
    }
}

/// Lets go of a graph node by node. Left to itself, the last reference to a long chain would free it by recursion, as deep
/// as the chain is long.
private enum Teardown {
    private struct State {
        var waiting: [([Node?], Node.Pullback?)] = []
        var isRunning = false
    }

    private static let state = Mutex(State())

    /// Moves a dying node's references here, so that nothing else holds them. True if the caller is to run the teardown.
    static func takes(_ inputs: inout [Node?], _ pullback: inout Node.Pullback?) -> Bool {
        state.withLock { state in
            state.waiting.append((inputs, pullback))
            (inputs, pullback) = ([], nil)
            defer { state.isRunning = true }
            return !state.isRunning
        }
    }

    /// What is dropped here may end other nodes, which then add themselves to those waiting.
    static func run() {
        while let dropped = next() { withExtendedLifetime(dropped) {} }
    }

    private static func next() -> ([Node?], Node.Pullback?)? {
        state.withLock { state in
            if state.waiting.isEmpty { state.isRunning = false }
            return state.waiting.popLast()
        }
    }
}

/// Whether ops record how they were computed. On unless inside `noGrad`.
package enum Recording {
    @TaskLocal package static var isOn = true
}

/// Runs the body with recording, also inside `noGrad`.
public func recording<R>(_ body: () throws -> R) rethrows -> R {
    try Recording.$isOn.withValue(true, operation: body)
}

/// Runs the body without recording: nothing in it can be differentiated, and intermediate results are freed at once.
public func noGrad<R>(_ body: () throws -> R) rethrows -> R {
    try Recording.$isOn.withValue(false, operation: body)
}

extension Tensor {
    /// A leaf: gradients can be asked with respect to it.
    public var tracked: Tensor {
        Tensor(storage: storage, layout: layout, dtype: dtype, node: Node())
    }

    /// This value with a record of how it came from `inputs`, if any of them is tracked.
    ///
    /// The pullback gets the gradient of this value and returns one for each input (nil: none). It is written in tensor
    /// ops on tracked inputs, so that gradients of gradients work.
    ///
    /// Inlined, so that nothing is made for a record where none is kept.
    @inline(__always)
    package func recorded(
        from inputs: @autoclosure () -> [Tensor], _ pullback: @escaping Node.Pullback
    ) -> Tensor {
        guard Recording.isOn else { return self }
        return recorded(inputs(), pullback)
    }

    private func recorded(_ inputs: [Tensor], _ pullback: @escaping Node.Pullback) -> Tensor {
        guard inputs.contains(where: \.isTracked) else { return self }
        let node = Node(inputs: inputs.map(\.node), pullback: pullback)
        return Tensor(storage: storage, layout: layout, dtype: dtype, node: node)
    }

    /// This value with a record that it is another float tensor, cast.
    package func recorded(asCastOf x: Tensor) -> Tensor {
        guard x.isTracked, Recording.isOn else { return self }
        let type = x.dtype
        let node = Node(inputs: [x.node], takesWideGradient: type == .f32) { [$0.cast(to: type)] }
        return Tensor(storage: storage, layout: layout, dtype: dtype, node: node)
    }

    /// The type in which this tensor's gradient is computed for a plain backward pass.
    package var gradientType: DType {
        node?.takesWideGradient == true && !Recording.isOn ? .f32 : dtype
    }

    /// For an op with a kernel of its own for the gradient: `gradient` is used for a plain backward pass, and where the
    /// gradient is itself to be differentiated, that of the op's plain `definition` stands in.
    @inline(__always)
    package func fused(
        from inputs: @autoclosure () -> [Tensor],
        definition: @escaping @Sendable ([Tensor]) -> Tensor,
        gradient: @escaping Node.Pullback
    ) -> Tensor {
        guard Recording.isOn else { return self }
        let all = inputs()
        return recorded(all) { g in
            guard Recording.isOn else { return gradient(g) }
            return Tensors.gradients(of: definition(all), seed: g, at: all, createGraph: true)
        }
    }
}
