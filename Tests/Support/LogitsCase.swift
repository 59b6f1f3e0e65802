import Files
import Tensors
import Transformers

/// Runs a case of kind `logits_processors`: chains of penalties and filters on rows of logits.
func runLogits(_ test: ConformanceCase) throws -> Verdict {
    let file = try SafetensorsFile(
        path: "\(test.folder)/\(test.name)/\(test.entry["files"]?.array?.first?.string ?? "")")
    let logits = try file.tensor("in.logits", on: .cpu)  // (rows, V)
    let ids = try file.tensor("in.ids", on: .cpu)  // (rows, T)
    for step in test.params["steps"]?.array ?? [] {
        let chain = try chain(step, test.name)
        let name = step["output"]?.string ?? ""
        let expected = try file.tensor(name, on: .cpu)
        let rows = (0..<logits.shape[0]).flatMap { row in
            chain.probabilities(
                logits[row].scalars(), after: ids[row].scalars(as: Int32.self).map { Int($0) })
        }
        let actual = Tensor(rows, shape: expected.shape, on: .cpu)
        let (rtol, atol) = test.tolerance(of: name)
        if let problem = difference(actual, expected, rtol: rtol, atol: atol) {
            return .failed("\(step["chain"]?.text ?? ""): \(problem)")
        }
    }
    return .passed
}

private func chain(_ step: JSON, _ name: String) throws -> SamplerChain {
    var penalties: [LogitPenalty] = []
    var filters: [LogitFilter] = []
    for link in step["chain"]?.array ?? [] {
        let (kind, values) = (link.array?.first?.string ?? "", link.array?.last)
        let value = values?.members?.first?.value.double ?? 0
        switch kind {
        case "repetition_penalty": penalties.append(.repetition(Float(value), last: .max))
        case "no_repeat_ngram": penalties.append(.repeatedRun(Int(value)))
        case "temperature": filters.append(.temperature(Float(value)))
        case "top_k": filters.append(.topK(Int(value)))
        case "top_p": filters.append(.topP(Float(value)))
        case "min_p": filters.append(.minP(Float(value)))
        case "typical_p": filters.append(.typical(Float(value)))
        case "epsilon_cutoff": filters.append(.epsilon(Float(value)))
        case "eta_cutoff": filters.append(.eta(Float(value)))
        default: throw FileError(name, "unknown link \(kind)")
        }
    }
    return SamplerChain(penalties, filters)
}
