import Diffusion
import Files
import Networks
import Tensors

let diffusionPrograms: [String: TrainProgram] = [
    "consistency_distillation": { run in
        var sizes = ConsistencyModel.Configuration(hidden: run.int("hidden"))
        sizes.sigmaMin = run.float("sigma_min")
        sizes.sigmaMax = run.float("sigma_max")
        sizes.sigmaData = run.float("sigma_data")
        sizes.levels = run.int("grid")
        let settings = sizes
        let (student, store) = try run.load(where: { $0.hasPrefix("f.") }) {
            ConsistencyModel($0["f"], settings)
        }
        let (target, slow) = try run.load(where: { $0.hasPrefix("f.") }) {
            ConsistencyModel($0["f"], settings)
        }
        let (teacher, _) = try run.load("teacher.") { ConsistencyModel($0, settings) }
        let model = ConsistencyDistillation(student: student, target: target, teacher: teacher)
        var average = ExponentialAverage(store.trainable, decay: Double(run.float("ema")))
        let (x, z, n) = (try run.input("x"), try run.input("z"), try run.input("n"))
        try run.train(store) { step, _ in
            // The target is the average after the step before.
            if step > 0 { average.update() }
            for (parameter, value) in zip(slow.all, average.values) { parameter.assign(value) }
            return model.loss(x[step], noise: z[step], level: n[step].contiguous())
        }
        average.update()
        run.finish(store)
        run.finish(average)
    },
    "diffusion": { run in
        let json = run.params["unet"] ?? .null
        let sizes = SmallUNet.Configuration(
            pictureChannels: json["in"]?.int ?? 0, channels: json["channels"]?.int ?? 0,
            time: json["time"]?.int ?? 0, groups: json["groups"]?.int ?? 0)
        let (model, store) = try run.load { SmallUNet($0, sizes) }
        let (x, noise) = (try run.pictures("x"), try run.pictures("noise"))
        let t = try run.input("t")
        var average = ExponentialAverage(store.trainable, decay: Double(run.float("ema")))
        let objective = run.params["objective"]?.string ?? ""
        try run.train(store) { step, _ in
            if step > 0 { average.update() }
            let given = try noisy(x[step], noise[step], t[step], objective)
            return model(given.x, at: given.t).mseLoss(given.target)
        }
        average.update()
        run.finish(store)
        run.finish(average)
    },
]

/// A batch (N, H, W, C) at times t (N), the time as the network sees it, and what it is to say.
private func noisy(_ x: Tensor, _ noise: Tensor, _ t: Tensor, _ objective: String) throws -> (
    x: Tensor, t: Tensor, target: Tensor
) {
    if objective == "flow" {
        let share = t.reshaped([t.count, 1, 1, 1])
        return (x * (1 - share) + noise * share, t * 1000, noise - x)
    }
    let table = try NoiseTable(NoiseSchedule(.linear()), on: x.device)
    let prediction: Prediction = objective == "eps" ? .noise : .velocity
    let t = t.contiguous()
    return (
        table.noised(x, noise, at: t), t.cast(to: .f32),
        table.target(prediction, x, noise, at: t)
    )
}
