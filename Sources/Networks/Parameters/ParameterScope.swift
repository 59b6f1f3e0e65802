public import Tensors

/// A place in a network's tree of names, from which a layer takes its parameters.
///
///     init(_ scope: ParameterScope, width: Int) {
///         query = Linear(scope["q_proj"], width, width)     // "…q_proj.weight", "…q_proj.bias"
///     }
///
/// Whether a parameter is drawn at random or comes from a checkpoint is the store's affair; a layer never knows.
public struct ParameterScope: Sendable {
    public let store: ParameterStore
    /// "h.0.attn", or "" at the top.
    public let path: String
    let lowRankPlan: LowRankPlan?

    init(store: ParameterStore, path: String, lowRankPlan: LowRankPlan? = nil) {
        (self.store, self.path, self.lowRankPlan) = (store, path, lowRankPlan)
    }

    /// The place below this one.
    public subscript(_ name: String) -> ParameterScope {
        ParameterScope(store: store, path: full(name), lowRankPlan: lowRankPlan)
    }

    /// This place, with additions of low rank to the linear maps below it that a plan names.
    public func adapting(_ plan: LowRankPlan) -> ParameterScope {
        ParameterScope(store: store, path: path, lowRankPlan: plan)
    }

    /// The i-th of a list of layers: "h.0".
    public subscript(_ index: Int) -> ParameterScope { self["\(index)"] }

    public var device: Device { store.device }

    private func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// A parameter of this place, registered in the store. Its initialiser counts only where it is drawn at random.
    public func parameter(
        _ name: String, _ shape: [Int], _ initializer: Initializer, role: ParameterRole = .vector
    ) -> Parameter {
        let name = full(name)
        if let shared = store.shared(name, shape) { return store.register(shared) }
        return store.register(
            Parameter(name, value(name, shape, initializer, role), shape: shape, role: role))
    }

    /// Numbers that are kept beside the parameters but not trained.
    public func buffer(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Parameter {
        parameter(name, shape, initializer, role: .buffer)
    }

    private func value(
        _ name: String, _ shape: [Int], _ initializer: Initializer, _ role: ParameterRole
    ) -> Weight {
        switch store.source {
        case .random(let key):
            return .dense(initializer(shape, key: key.folded(name), on: device))
        case .checkpoint(let checkpoint), .sharing(_, let checkpoint):
            do throws(ParameterProblem) {
                return try checkpoint.weight(name, shape, role, on: device)
            } catch {
                // A checkpoint from before it was adapted.
                if case .missing = error, role == .adapter {
                    let key = RandomKey(seed: 0).folded(name)
                    return .dense(initializer(shape, key: key, on: device))
                }
                store.report(error)
                return standIn(shape)
            }
        case .shapes(let checkpoint):
            if let problem = checkpoint.problem(name, shape, role) { store.report(problem) }
            return standIn(shape)
        }
    }

    /// A wrong file may ask for any shape: one number stands for all.
    private func standIn(_ shape: [Int]) -> Weight {
        .dense(Tensor.zeros([], on: device).expanded(to: shape))
    }
}
