import Files
import Networks
import Tensors
import Transformers

let textPrograms: [String: TrainProgram] = [
    "gpt": { run in
        let (model, store) = try run.load { GPT($0, sizes(run.params)) }
        let tokens = try run.input("tokens")
        let clip = run.params["clip"]?.double.map { Float($0) }
        try run.train(store, clip: clip) { step, _ in model.loss(tokens[step]) }
        run.finish(store)
    },
    "gpt_lora": { run in
        let plan = LowRankPlan(rank: run.int("rank"), alpha: run.float("alpha")) {
            !$0.hasSuffix("mlp.proj") && $0 != "lm_head"
        }
        let (model, store) = try run.load { GPT($0.adapting(plan), sizes(run.params)) }
        store.parameters.filter { $0.role != .adapter }.freeze()
        let tokens = try run.input("tokens")
        try run.train(store) { step, _ in model.loss(tokens[step]) }
        run.finish(store)
        for (name, weight) in model.mergedWeights { run.set("merged.\(name)", weight) }
    },
    "gpt_dpo": { run in
        let (policy, store) = try run.load { GPT($0, sizes(run.params)) }
        let (reference, _) = try run.load { GPT($0, sizes(run.params)) }
        let loss = PreferenceLoss(policy: policy, reference: reference, beta: run.float("beta"))
        let names = ["chosen", "chosen_mask", "rejected", "rejected_mask"]
        let inputs = try names.map { try run.input($0) }
        try run.train(store) { step, run in
            let result = loss(
                chosen: .init(tokens: inputs[0][step], mask: inputs[1][step]),
                rejected: .init(tokens: inputs[2][step], mask: inputs[3][step]))
            run.add("margin", result.margin)
            return result.loss
        }
        run.finish(store)
    },
    "reward_model": { run in
        let (model, store) = try run.load { scope in
            var sizes = sizes(run.params)
            sizes.tied = true
            return RewardModel(scope, sizes)
        }
        let names = ["chosen", "chosen_last", "rejected", "rejected_last"]
        let inputs = try names.map { try run.input($0) }
        try run.train(store) { step, run in
            let chosen = model(inputs[0][step], last: inputs[1][step])
            let rejected = model(inputs[2][step], last: inputs[3][step])
            run.add("accuracy", chosen.greater(rejected).cast(to: .f32).mean())
            return RewardModel.loss(chosen: chosen, rejected: rejected)
        }
        run.finish(store)
    },
    "distillation": { run in
        let (student, store) = try run.load(where: { !$0.hasPrefix("teacher.") }) {
            GPT($0, sizes(run.params["student"] ?? .null))
        }
        let (teacher, _) = try run.load("teacher.") {
            GPT($0, sizes(run.params["teacher"] ?? .null))
        }
        let tokens = try run.input("tokens")
        let (temperature, alpha) = (run.float("temperature"), run.float("alpha"))
        try run.train(store) { step, run in
            let loss = Distillation(
                student: student, teacher: teacher, temperature: temperature, alpha: alpha
            )(tokens[step])
            run.add("soft", loss.soft)
            run.add("hard", loss.hard)
            return loss.total
        }
        run.finish(store)
    },
    "gradient_accumulation": { run in
        let widths = [run.int("input"), run.int("hidden"), run.int("classes")]
        let (layers, store) = try run.load { scope in
            [0, 1].map { Linear(scope["net"][$0], widths[$0], widths[$0 + 1]) }
        }
        let (x, target) = (try run.input("x"), try run.input("target"))
        var (optimiser, lr) = try run.optimiser(store.trainable)
        for step in 0..<run.steps {
            var sum = GradientSum()
            for micro in 0..<run.int("micro") {
                let targets = target[step, micro].contiguous()
                let counted = targets.notEqual(targets * 0 - 100).cast(to: .f32).sum().item()
                let (loss, gradients) = store.valueAndGradients {
                    layers[1](tanh(layers[0](x[step, micro]))).crossEntropy(
                        targets, reduction: .sum)
                }
                sum.add(loss, gradients, weight: counted)
            }
            let (loss, gradients) = sum.mean()
            run.add("loss", loss, gradients)
            optimiser.step(gradients, lr: lr)
        }
        run.finish(store)
    },
    "ppo": { run in try trainPolicy(&run) },
]

private func trainPolicy(_ run: inout TrainRun) throws {
    let (model, store) = try run.load {
        ActorCritic(
            $0, observation: run.int("obs"), hidden: run.int("hidden"),
            actions: run.int("actions"))
    }
    let values = try run.input("values")
    let estimate = advantages(
        rewards: try run.input("rewards"), values: values, dones: try run.input("dones"),
        gamma: run.float("gamma"), lambda: run.float("lambda"))
    run.set("advantages", estimate.advantages)
    run.set("returns", estimate.returns)
    var settings = PolicyLoss()
    settings.clip = run.float("clip")
    settings.valueWeight = run.float("value_coef")
    settings.entropyWeight = run.float("entropy_coef")
    settings.referenceWeight = run.float("kl_coef")
    let batch = PolicyLoss.Batch(
        actions: try run.input("actions"), logProbabilities: try run.input("old_logp"),
        advantages: estimate.advantages.standardized(), returns: estimate.returns,
        values: values.narrowed(0, start: 0, count: values.shape[0] - 1),
        referenceLogits: try run.input("reference_logits"))
    let observations = try run.input("obs")
    var (optimiser, lr) = try run.optimiser(store.trainable)
    for _ in 0..<run.int("epochs") {
        var (loss, gradients) = store.valueAndGradients {
            let (logits, value) = model(observations)
            let parts = settings(logits: logits, value: value, batch)
            run.add("policy_loss", parts.policy)
            run.add("value_loss", parts.value)
            run.add("entropy", parts.entropy)
            run.add("kl", parts.divergence)
            return parts.total
        }
        run.add("loss", loss, gradients)
        run.add("grad_norm", Tensor(gradients.clip(norm: run.float("max_norm"))))
        optimiser.step(gradients, lr: lr)
    }
    run.finish(store)
}

/// A GPT's sizes as the golden cases write them.
private func sizes(_ json: JSON) -> GPTConfiguration {
    func number(_ name: String) -> Int { json[name]?.int ?? 0 }
    return GPTConfiguration(
        vocabulary: number("vocab"), context: number("ctx"), channels: number("d"),
        layers: number("n_layer"), heads: number("n_head"), tied: json["tied"]?.bool ?? false)
}
