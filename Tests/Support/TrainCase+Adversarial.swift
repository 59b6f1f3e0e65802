import Adversarial
import Files
import Networks
import Tensors

let adversarialPrograms: [String: TrainProgram] = [
    "dcgan": { run in
        let sizes = DCGAN.Configuration(
            size: 16, latent: run.int("z"), channels: run.int("channels"))
        let (model, store) = try run.loadWithFreshBuffers { DCGAN($0, sizes) }
        let (x, zd, zg) = (try run.pictures("x"), try run.input("z_d"), try run.input("z_g"))
        let (d, g) = (store.parameters(under: "d"), store.parameters(under: "g"))
        var (critic, lr) = try run.optimiser(d)
        var (maker, _) = try run.optimiser(g)
        let context = Context(training: RandomKey(seed: 0))
        for step in 0..<run.steps {
            let forD = valueAndGradients(at: d) {
                model.discriminatorLoss(x[step], z: zd[step], context)
            }
            run.add("loss_d", forD.value, forD.gradients)
            critic.step(forD.gradients, lr: lr)
            let forG = d.frozen {
                valueAndGradients(at: g) { model.generatorLoss(z: zg[step], context) }
            }
            run.add("loss_g", forG.value, forG.gradients)
            maker.step(forG.gradients, lr: lr)
        }
        run.finish(store)
    },
    "wgan_gp": { run in
        if run.params["critic"]?.string == "points" {
            let hidden = run.int("hidden")
            let (model, store) = try run.load {
                WassersteinGAN(
                    generator: VectorGenerator($0["g"], widths: [run.int("z"), hidden, hidden, 2]),
                    critic: VectorCritic($0["d"], widths: [2, hidden, hidden]),
                    penaltyWeight: run.float("gp"))
            }
            try trainWasserstein(model, store, try run.input("x"), &run)
        } else {
            let sizes = PictureGANConfiguration(
                size: 8, latent: run.int("z"), channels: run.int("hidden"), stages: 2)
            let (model, store) = try run.load {
                WassersteinGAN(
                    generator: PictureGenerator($0["g"], sizes),
                    critic: PictureCritic($0["d"], sizes), penaltyWeight: run.float("gp"))
            }
            try trainWasserstein(model, store, try run.pictures("x"), &run)
        }
    },
]

private func trainWasserstein<G, D>(
    _ model: WassersteinGAN<G, D>, _ store: ParameterStore, _ x: Tensor, _ run: inout TrainRun
) throws {
    let (zd, zg) = (try run.input("z_d"), try run.input("z_g"))
    let alpha = try run.input("alpha")
    let (d, g) = (store.parameters(under: "d"), store.parameters(under: "g"))
    var (critic, lr) = try run.optimiser(d)
    var (maker, _) = try run.optimiser(g)
    for step in 0..<run.steps {
        var losses: [Tensor] = []
        var penalties: [Tensor] = []
        for i in 0..<run.int("critic_steps") {
            var penalty = Tensor(0)
            let (loss, gradients) = valueAndGradients(at: d) {
                let loss = model.criticLoss(x[step, i], z: zd[step, i], alpha: alpha[step, i])
                penalty = loss.penalty.detached
                return loss.total
            }
            losses.append(loss)
            penalties.append(penalty)
            if i == 0 { run.addGradients(gradients) }
            critic.step(gradients, lr: lr)
        }
        run.add("loss_d", Tensor.stacked(losses))
        run.add("penalty", Tensor.stacked(penalties))
        let (loss, gradients) = d.frozen {
            valueAndGradients(at: g) { model.generatorLoss(z: zg[step]) }
        }
        run.add("loss_g", loss, gradients)
        maker.step(gradients, lr: lr)
    }
    run.finish(store)
}
