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
    }
]

/// A GPT's sizes as the golden cases write them.
private func sizes(_ json: JSON) -> GPTConfiguration {
    func number(_ name: String) -> Int { json[name]?.int ?? 0 }
    return GPTConfiguration(
        vocabulary: number("vocab"), context: number("ctx"), channels: number("d"),
        layers: number("n_layer"), heads: number("n_head"), tied: json["tied"]?.bool ?? false)
}
