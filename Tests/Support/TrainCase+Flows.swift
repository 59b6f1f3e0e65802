import Files
import Flows
import Networks
import Tensors

let flowPrograms: [String: TrainProgram] = [
    "realnvp": { run in
        let sizes = RealNVP.Configuration(
            couplings: run.int("couplings"), hidden: run.int("hidden"))
        let (model, store) = try run.load { RealNVP($0, sizes) }
        let x = try run.input("x")
        try run.train(store) { step, _ in model.negativeLogLikelihood(x[step]) }
        run.finish(store)
        run.set("sample", model.inverse(try run.input("z")))
    },
    "glow": { run in
        let sizes = Glow.Configuration(
            channels: run.int("channels"), scales: 0, steps: run.int("flow_steps"),
            hidden: run.int("hidden"))
        let (model, store) = try run.load { Glow($0, sizes) }
        let x = try run.pictures("x")
        model.start(at: x[0])
        for parameter in store.all where parameter.name.contains("actnorm") {
            run.set("init.\(parameter.name)", parameter.value)
        }
        try run.train(store) { step, _ in model.nats(perElementOf: x[step]) }
        run.finish(store)
        let sample = model.inverse(try run.pictures("z"))
        run.set("sample", sample.permuted([0, 3, 1, 2]))
    },
]
