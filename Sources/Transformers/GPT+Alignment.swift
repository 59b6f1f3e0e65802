public import Networks
public import Tensors

// Training a GPT on preferences and on another GPT's answers.

extension GPT {
    /// log p of the masked tokens of each row, each given those before it: tokens and mask (B, T) to (B), f32. The first
    /// token has nothing before it and does not count.
    public func logProbability(_ text: MarkedText, _ context: Context = .evaluation) -> Tensor {
        let (rows, length) = (text.tokens.shape[0], text.tokens.shape[1] - 1)
        let logits = self(text.tokens.narrowed(1, start: 0, count: length), context)
        let targets = text.tokens.narrowed(1, start: 1, count: length)
        let ignored = Tensor.full([], -100, dtype: .i32, on: targets.device)
        let counted = Tensor.select(
            text.mask.narrowed(1, start: 1, count: length), targets, ignored)
        let losses = logits.flattened(0, 1).crossEntropy(
            counted.reshaped([rows * length]), reduction: .none)
        return -losses.reshaped([rows, length]).sum(axes: [1])
    }

    /// The linear maps that have low-rank additions, by name, with these in their weights.
    public var mergedWeights: [(name: String, weight: Tensor)] {
        blocks.indices.flatMap { i in
            let block = blocks[i]
            let maps = [
                ("attn.qkv", block.attention.qkv), ("attn.proj", block.attention.proj),
                ("mlp.fc", block.fc), ("mlp.proj", block.proj),
            ]
            return maps.filter { $0.1.adapter != nil }.map {
                (name: "h.\(i).\($0.0)", weight: $0.1.mergedWeight.detached)
            }
        }
    }
}

/// Tokens (B, T) i32, and which of them count: (B, T) bool.
public struct MarkedText: Sendable {
    public let tokens: Tensor
    public let mask: Tensor
    public init(tokens: Tensor, mask: Tensor) { (self.tokens, self.mask) = (tokens, mask) }
}

/// Direct preference optimisation (Rafailov et al. 2023): the policy learns to prefer the chosen answers more than a
/// frozen reference does.
public struct PreferenceLoss: Sendable {
    public let policy: GPT
    public let reference: GPT
    /// How dear it is to leave the reference.
    public let beta: Float

    public init(policy: GPT, reference: GPT, beta: Float = 0.1) {
        (self.policy, self.reference, self.beta) = (policy, reference, beta)
    }

    /// The loss, and by how much the chosen answers are ahead: ().
    public func callAsFunction(
        chosen: MarkedText, rejected: MarkedText, _ context: Context = .evaluation
    ) -> (loss: Tensor, margin: Tensor) {
        let gains = [chosen, rejected].map { text in
            policy.logProbability(text, context)
                - noGrad { reference.logProbability(text, Context(precision: context.precision)) }
        }
        let margin = (gains[0] - gains[1]) * beta
        return ((-margin).softplus().mean(), margin.mean())
    }
}

/// A GPT that gives a text one number: how good it is.
public struct RewardModel: Sendable {
    let gpt: GPT
    let score: Linear

    /// Names as a GPT's without an output map, and "score".
    public init(_ scope: ParameterScope, _ configuration: GPTConfiguration) {
        gpt = GPT(scope, configuration)
        score = Linear(scope["score"], configuration.channels, 1)
    }

    /// The reward at the token `last` (B) of each row of tokens (B, T): (B), f32.
    public func callAsFunction(_ tokens: Tensor, last: Tensor, _ context: Context = .evaluation)
        -> Tensor
    {
        let (rows, length) = (tokens.shape[0], tokens.shape[1])
        let starts = Tensor.arange(rows, step: Double(length), dtype: .i32, on: tokens.device)
        let states = gpt.states(tokens, context).flattened(0, 1).selecting(starts + last)
        return score(states).squeezed(1).cast(to: .f32)
    }

    /// -log of the chance that the chosen text is the better one (Bradley & Terry 1952), the mean over pairs.
    public static func loss(chosen: Tensor, rejected: Tensor) -> Tensor {
        (rejected - chosen).softplus().mean()
    }
}

/// A student that learns from the tokens and from a frozen teacher's softened answers (Hinton et al. 2015).
public struct Distillation: Sendable {
    public let student: GPT
    public let teacher: GPT
    public let temperature: Float
    /// The teacher's share of the loss.
    public let alpha: Float

    public init(student: GPT, teacher: GPT, temperature: Float = 2, alpha: Float = 0.5) {
        (self.student, self.teacher) = (student, teacher)
        (self.temperature, self.alpha) = (temperature, alpha)
    }

    /// tokens (B, T + 1); soft: T² KL(teacher || student), hard: cross entropy.
    public func callAsFunction(_ tokens: Tensor, _ context: Context = .evaluation) -> (
        total: Tensor, soft: Tensor, hard: Tensor
    ) {
        let length = tokens.shape[1] - 1
        let given = tokens.narrowed(1, start: 0, count: length)
        let targets = tokens.narrowed(1, start: 1, count: length)
        let logits = student(given, context).flattened(0, 1).cast(to: .f32)
        let goal = noGrad {
            let logits = teacher(given, Context(precision: context.precision)).flattened(0, 1)
            return (logits.cast(to: .f32) / temperature).logSoftmax()
        }
        let own = (logits / temperature).logSoftmax()
        let soft = own.klDivergence(goal, logTarget: true) * (temperature * temperature)
        let hard = logits.crossEntropy(targets.reshaped([targets.count]))
        return (soft * alpha + hard * (1 - alpha), soft, hard)
    }
}
