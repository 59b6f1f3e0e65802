import Autoencoders
import Files
import Networks
import Tensors

let picturePrograms: [String: TrainProgram] = [
    "autoencoder": { run in
        let widths = run.params["widths"]?.ints ?? []
        let (model, store) = try run.load { Autoencoder($0, .init(widths: widths)) }
        let x = try run.input("x")
        try run.train(store) { step, _ in model.loss(x[step]) }
        run.finish(store)
    },
    "vae": { run in
        let sizes = VAE.Configuration(
            input: run.int("input"), hidden: [run.int("hidden")], latent: run.int("latent"),
            beta: run.float("beta"))
        let (model, store) = try run.load { VAE($0, sizes) }
        let (x, noise) = (try run.input("x"), try run.input("eps"))
        try run.train(store) { step, run in
            let loss = model.loss(x[step], noise: noise[step])
            run.add("recon", loss.reconstruction)
            run.add("kl", loss.divergence)
            return loss.total
        }
        run.finish(store)
    },
    "vqvae": { run in
        let sizes = VQVAE.Configuration(
            hidden: run.int("hidden"), code: run.int("code"), codes: run.int("codes"),
            commitment: run.float("commitment"))
        let (model, store) = try run.load { VQVAE($0, sizes) }
        let x = try run.pictures("x")
        try run.train(store) { step, run in
            let loss = model.loss(x[step])
            run.add("recon", loss.reconstruction)
            run.add("commit", loss.commitment)
            run.add("codes", loss.indices)
            return loss.total
        }
        run.finish(store)
    },
]
