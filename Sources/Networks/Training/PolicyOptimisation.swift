public import Tensors

// Proximal policy optimisation (Schulman et al. 2017). T steps of E environments.

/// What to do and what it will be worth, from observations (…, observation): logits (…, actions) and values (…).
public struct ActorCritic: Sendable {
    let body: [Linear]
    let policy: Linear
    let value: Linear

    public init(_ scope: ParameterScope, observation: Int, hidden: Int, actions: Int) {
        body = [
            Linear(scope["body"][0], observation, hidden), Linear(scope["body"][1], hidden, hidden),
        ]
        policy = Linear(scope["policy"], hidden, actions)
        value = Linear(scope["value"], hidden, 1)
    }

    public func callAsFunction(_ observations: Tensor) -> (logits: Tensor, value: Tensor) {
        let h = body.reduce(observations) { tanh($1($0)) }
        return (policy(h), value(h).squeezed(-1))
    }
}

/// How much better each action was than expected (Schulman et al. 2016): rewards and dones (T, E), values (T + 1, E).
public func advantages(
    rewards: Tensor, values: Tensor, dones: Tensor, gamma: Float, lambda: Float
) -> (advantages: Tensor, returns: Tensor) {
    noGrad {
        let steps = rewards.shape[0]
        let goesOn = 1 - dones
        let now = values.narrowed(0, start: 0, count: steps)
        let next = values.narrowed(0, start: 1, count: steps)
        let surprise = rewards + next * goesOn * gamma - now
        var running = Tensor.zeros(Array(rewards.shape.dropFirst()), on: rewards.device)
        var found: [Tensor] = []
        for t in (0..<steps).reversed() {
            running = surprise[t] + goesOn[t] * running * (gamma * lambda)
            found.append(running)
        }
        let advantages = Tensor.stacked(found.reversed())
        return (advantages, advantages + now)
    }
}

extension Tensor {
    /// With mean 0 and deviation 1 over all elements.
    public func standardized(epsilon: Float = 1e-8) -> Tensor {
        (self - mean()) / (standardDeviation() + epsilon)
    }
}

/// The clipped losses of policy and value, less entropy, plus the distance to a reference policy.
public struct PolicyLoss: Sendable, Codable {
    public var clip: Float = 0.2
    public var valueWeight: Float = 0.5
    public var entropyWeight: Float = 0.01
    public var referenceWeight: Float = 0

    public init() {}

    /// What was seen and done: all (T, E) but the reference's logits (T, E, actions).
    public struct Batch: Sendable {
        public let actions, logProbabilities, advantages, returns, values: Tensor
        public let referenceLogits: Tensor?

        public init(
            actions: Tensor, logProbabilities: Tensor, advantages: Tensor, returns: Tensor,
            values: Tensor, referenceLogits: Tensor? = nil
        ) {
            (self.actions, self.logProbabilities) = (actions, logProbabilities)
            (self.advantages, self.returns, self.values) = (advantages, returns, values)
            self.referenceLogits = referenceLogits
        }
    }

    public struct Parts: Sendable {
        public let total, policy, value, entropy, divergence: Tensor
    }

    /// logits (T, E, actions), value (T, E).
    public func callAsFunction(logits: Tensor, value: Tensor, _ batch: Batch) -> Parts {
        let logp = logits.logSoftmax()
        let chosen = logp.gathering(batch.actions.expandingAxis(-1), axis: -1).squeezed(-1)
        let ratio = exp(chosen - batch.logProbabilities)
        let limited = ratio.clamped(min: 1 - clip, max: 1 + clip)
        let policy = -minimum(ratio * batch.advantages, limited * batch.advantages).mean()
        let near = batch.values + (value - batch.values).clamped(min: -clip, max: clip)
        let miss = maximum((value - batch.returns).squared(), (near - batch.returns).squared())
        let valueLoss = miss.mean() * 0.5
        let p = exp(logp)
        let entropy = -(p * logp).sum(axes: [-1]).mean()
        let divergence =
            batch.referenceLogits.map { (p * (logp - $0.logSoftmax())).sum(axes: [-1]).mean() }
            ?? Tensor(0, on: logits.device)
        let total =
            policy + valueLoss * valueWeight - entropy * entropyWeight
            + divergence * referenceWeight
        return Parts(
            total: total, policy: policy, value: valueLoss, entropy: entropy,
            divergence: divergence)
    }
}
