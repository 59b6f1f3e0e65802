import Benchmarking
import Transformers

extension Flag {
    /// How tokens are chosen and where answers end: llama.cpp's names.
    static let sampling = [
        Flag("predict", "N", "new tokens; -1: until the end or the context is full", short: "n"),
        Flag("seed", "N", "of what is drawn; -1: another each time (-1)", short: "s"),
        Flag("temp", "T", "how boldly is drawn; 0: always the likeliest (0.8)"),
        Flag("top-k", "K", "from the K likeliest; 0: all (40)"),
        Flag("top-p", "P", "from the likeliest with this share of the probability (0.95)"),
        Flag("min-p", "P", "from those this many times as likely as the likeliest (0.05)"),
        Flag("typical", "P", "from those of usual surprise, with this share; 1: off (1)"),
        Flag("repeat-penalty", "X", "makes what was said less likely; 1: off (1)"),
        Flag("presence-penalty", "X", "taken off the logit of what was said (0)"),
        Flag("frequency-penalty", "X", "taken off for every time that it was said (0)"),
        Flag("repeat-last-n", "N", "tokens that penalties look back; -1: all (64)"),
        Flag("no-repeat-ngram", "N", "never says the same N tokens twice; 0: off (0)"),
        Flag("mirostat", "V", "holds the surprise at a goal: version 1 or 2; 0: off (0)"),
        Flag("mirostat-ent", "TAU", "the goal, in bits (5)"),
        Flag("mirostat-lr", "ETA", "how fast it is followed (0.1)"),
        Flag(
            "logit-bias", "ID±B", "adds B to the logit of a token, as in 15043+1; many times",
            short: "l"),
        Flag("ignore-eos", nil, "goes on after the end of an answer"),
        Flag("reverse-prompt", "TEXT", "an answer ends before this text; many times", short: "r"),
        Flag("stop", "TEXT", "the same"),
        Flag("context-shift", nil, "when the context is full, forgets the older half and goes on"),
        Flag("keep", "N", "tokens of the prompt that are then kept; -1: all (0)"),
    ]
}

extension Arguments {
    /// How tokens are chosen.
    func sampler() throws -> SamplerSettings {
        var s = SamplerSettings()
        if let x = try number("temp", in: 0...1000) { s.temperature = Float(x) }
        if let k = try int("top-k", in: 0...1 << 30) { s.topK = k }
        if let p = try number("top-p", in: 0...1) { s.topP = Float(p) }
        if let p = try number("min-p", in: 0...1) { s.minP = Float(p) }
        if let p = try number("typical", in: 0...1) { s.typicalP = Float(p) }
        if let x = try number("repeat-penalty", in: 0.01...100) { s.repeatPenalty = Float(x) }
        if let x = try number("presence-penalty", in: -100...100) { s.presencePenalty = Float(x) }
        if let x = try number("frequency-penalty", in: -100...100) { s.frequencyPenalty = Float(x) }
        if let n = try int("repeat-last-n", in: -1...1 << 30) { s.repeatLast = n }
        if let n = try int("no-repeat-ngram", in: 0...1 << 20) { s.noRepeatRun = n }
        s.mirostat = try mirostat()
        s.bias = try biases()
        let seed = try int("seed", in: -1...Int.max) ?? -1
        s.seed = seed < 0 ? UInt64.random(in: 0..<1 << 32) : UInt64(seed)
        return s
    }

    private func mirostat() throws -> Mirostat? {
        guard let version = try int("mirostat", in: 0...2), version > 0 else { return nil }
        let tau = try number("mirostat-ent", in: 0...100) ?? 5
        let eta = try number("mirostat-lr", in: 0...10) ?? 0.1
        return Mirostat(version: version, tau: Float(tau), eta: Float(eta))
    }

    /// "15043+1", "15043-inf".
    private func biases() throws -> [Int: Float] {
        var biases: [Int: Float] = [:]
        for text in texts("logit-bias") {
            guard let sign = text.firstIndex(where: { $0 == "+" || $0 == "-" }),
                let id = Int(text[..<sign]), let amount = Float(text[sign...]), !amount.isNaN
            else {
                throw BenchmarkError.usage(
                    "--logit-bias is \(text), but must be a token and an amount, as in 15043-1.5")
            }
            biases[id] = amount
        }
        return biases
    }

    /// A request for a model, as the flags say.
    func request(_ prompt: [Int], _ choice: ModelChoice) throws -> GenerationRequest {
        var request = GenerationRequest(prompt, sampler: try sampler())
        let count = try int("predict", in: -2...1 << 30) ?? -1
        request.newTokens = count < 0 ? nil : count
        if has("ignore-eos") {
            for token in choice.loaded.endTokens { request.sampler.bias[token] = -.infinity }
        } else {
            request.ends = Set(choice.loaded.endTokens)
        }
        request.stops = texts("reverse-prompt") + texts("stop")
        request.chances = try int("logprobs", in: 0...1000)
        request.shiftsContext = has("context-shift")
        let kept = try int("keep", in: -1...1 << 24) ?? 0
        request.kept = kept < 0 ? prompt.count : min(kept, prompt.count)
        return request
    }
}
