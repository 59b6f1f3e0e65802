import Benchmarking
import Files
import Glibc
import Networks
import Tensors
import Transformers

/// `apus bench model FILE`: how fast a language model reads a prompt and generates, in tokens a second.
struct LanguageModelBench {
    private let model: any LanguageModel
    private let cache: any KeyValueCache
    private let prompt: Int
    private let generated: Int
    private let depth: Int
    private let sequences: Int

    static func run(_ path: String, _ arguments: Arguments) throws -> Int32 {
        let runs = try arguments.int("runs", in: 1...1000) ?? 3
        let format = arguments.text("cache") ?? "f16"
        guard let cacheFormat = CacheFormat(rawValue: format) else {
            throw BenchmarkError.usage("--cache \(format): f32, f16 or q8_0")
        }
        let device = try TrainCommand.device(arguments, initially: .cpu)
        let output = try Output(arguments.text("json") ?? "-")
        let start = ContinuousClock.now
        let loaded = try LoadedModel.load(path, on: device)
        let bench = try LanguageModelBench(loaded.model, cacheFormat, arguments)
        bench.feed(0..<1)
        let load = seconds(since: start)
        let first = bench.run()
        loaded.store.packWeights()
        let (prompts, tokens) = bench.time(runs)
        let row = JSON.object([
            JSON.Member(key: "engine", value: .string("apus")),
            JSON.Member(
                key: "model", value: .string(String(path.split(separator: "/").last ?? ""))),
            JSON.Member(key: "device", value: .string(device.name)),
            JSON.Member(key: "threads", value: .number(Double(Threads.count))),
            JSON.Member(key: "prompt_tokens", value: .number(Double(bench.prompt))),
            JSON.Member(key: "prompt_tps", value: .number(rounded(prompts))),
            JSON.Member(key: "generated", value: .number(Double(bench.generated))),
            JSON.Member(key: "depth", value: .number(Double(bench.depth))),
            JSON.Member(key: "sequences", value: .number(Double(bench.sequences))),
            JSON.Member(key: "generate_tps", value: .number(rounded(tokens))),
            JSON.Member(key: "first_generate_tps", value: .number(rounded(first.generated))),
            JSON.Member(key: "load_seconds", value: .number(rounded(load))),
            JSON.Member(key: "cache_bytes", value: .number(Double(bench.cache.byteCount))),
            JSON.Member(key: "peak_bytes", value: .number(Double(peakBytes()))),
        ])
        try output.write(row.text + "\n")
        return 0
    }

    private init(
        _ model: any LanguageModel, _ format: CacheFormat, _ arguments: Arguments
    ) throws {
        self.model = model
        prompt = try arguments.int("prompt", in: 1...1_000_000) ?? 512
        generated = try arguments.int("generate", in: 1...1_000_000) ?? 64
        depth = try arguments.int("depth", in: 0...1_000_000) ?? 0
        sequences = try arguments.int("sequences", in: 1...256) ?? 1
        cache = model.makeCache(
            slots: sequences, capacity: max(prompt, depth + generated) + 8, format: format)
    }

    /// Medians of tokens a second, as they are when weights have been packed for good: reading the prompt, generating.
    private func time(_ runs: Int) -> (prompt: Double, generated: Double) {
        let rates = (0..<runs).map { _ in run() }
        return (Statistics(rates.map(\.prompt)).median, Statistics(rates.map(\.generated)).median)
    }

    /// Tokens a second.
    private func run() -> (prompt: Double, generated: Double) {
        forget()
        var start = ContinuousClock.now
        feed(0..<prompt)
        let read = Double(prompt) / seconds(since: start)
        forget()
        for slot in 0..<sequences where depth > 0 { feed(0..<depth, slot: slot) }
        start = ContinuousClock.now
        for i in 0..<generated { step(depth + i) }
        return (read, Double(generated * sequences) / seconds(since: start))
    }

    private func forget() {
        for slot in 0..<sequences { cache.truncate(slot, to: 0) }
    }

    /// The i-th token of the text, which means nothing.
    private func token(_ i: Int) -> Int { i * 7919 % model.vocabulary }

    /// Reads tokens in parts, as a program would, and waits for the last logits.
    private func feed(_ tokens: Range<Int>, slot: Int = 0) {
        let batch = Engine.Settings().batch
        for start in stride(from: tokens.lowerBound, to: tokens.upperBound, by: batch) {
            let part = (start..<min(start + batch, tokens.upperBound)).map(token)
            _ = model.logits(TokenBatch(part, slot: slot), cache).argmax(axis: -1).scalars()
        }
    }

    /// The i-th token of every sequence.
    private func step(_ i: Int) {
        let batch = TokenBatch((0..<sequences).map { .init([token(i + $0)], slot: $0) })
        _ = model.logits(batch, cache).argmax(axis: -1).scalars()
    }
}

private func seconds(since start: ContinuousClock.Instant) -> Double {
    let elapsed = (ContinuousClock.now - start).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
}

private func rounded(_ x: Double) -> Double { (x * 1000).rounded() / 1000 }

/// The most memory that the process has had.
private func peakBytes() -> Int {
    var usage = rusage()
    getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
}
