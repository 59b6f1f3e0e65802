import Benchmarking
import Files
import Networks
import Tensors

/// A run that stands in a folder, ready to be used.
struct FinishedRun {
    let folder: RunFolder
    let configuration: RunConfiguration
    let trainee: any Trainee
    let device: Device

    /// Flags that every command on a run has.
    static let flags = [
        Flag("checkpoint", "FILE", "a checkpoint (best.safetensors, else the newest)"),
        Flag("set", "name=value", "another setting for this use, such as sampler=euler"),
        Flag("data", "PATH", "where the run's data are, if they have moved and are needed"),
        Flag("type", "TYPE", "keep the weights in few bits: int8, int4, q8, q4, q4_K, …"),
        Flag("seed", "N", "of what is drawn (0)"),
        Flag.device, Flag.threads,
    ]

    /// The run that the command's one word names.
    ///
    /// - Parameter quantizes: whether `--type` takes effect at once.
    init(_ arguments: Arguments, _ command: String, quantizes: Bool = true) throws {
        guard arguments.words.count == 1 else {
            throw BenchmarkError.usage("\(command) needs one folder of apus train")
        }
        try setThreads(arguments)
        folder = RunFolder(arguments.words[0])
        guard folder.hasRun else {
            throw BenchmarkError.failure("\(folder.path): there is no run (no config.json)")
        }
        var configuration = try RunConfiguration(reading: folder)
        let recipe = try Recipes.named(configuration.recipe)
        configuration.complete(for: recipe)
        for assignment in try arguments.assignments("set") { try configuration.set(assignment) }
        if let path = arguments.text("data") {
            configuration.data = DataPlace(path, isStrict: configuration.data?.isStrict ?? false)
        }
        self.configuration = configuration
        device = try TrainCommand.device(arguments)
        trainee = try configuration.trainee(recipe, of: folder, on: device)
        try trainee.restore(from: FinishedRun.state(arguments.text("checkpoint"), folder))
        if quantizes, let format = try FinishedRun.format(arguments) { quantize(format) }
    }

    /// The format of `--type`.
    static func format(_ arguments: Arguments) throws -> Networks.WeightFormat? {
        try arguments.text("type").map { name in
            guard let format = Networks.WeightFormat(name) else {
                throw BenchmarkError.usage(
                    "--type is \(name), but must be int8, int4, q8, q4 or a block format of GGUF")
            }
            return format
        }
    }

    func quantize(_ format: Networks.WeightFormat) {
        for network in trainee.networks { network.store.quantize(format) }
    }

    private static func state(_ path: String?, _ folder: RunFolder) throws -> TrainingState {
        if let path { return try TrainingState(reading: path) }
        if let best = try? TrainingState(reading: folder.best) { return best }
        guard let newest = try folder.newestState(warn: { complain($0) }) else {
            throw BenchmarkError.failure("\(folder.path): there is no checkpoint yet")
        }
        return newest.state
    }
}

/// `apus sample`: what a trained model makes.
enum SampleCommand: Command {
    static let name = "sample"
    static let summary = "Make samples with a trained model."
    static let usage = "FOLDER [--count N] [--prompt TEXT] [--out FILE]"
    static let flags =
        [
            Flag("count", "N", "how many (64)"),
            Flag("prompt", "TEXT", "what a text begins with"),
            Flag(
                "out", "FILE",
                "where pictures go (sample.png; NAME.npy: an array), or text (printed)"),
            Flag("real", nil, "also read the data: the oddest pictures of a test set, mistakes"),
        ] + FinishedRun.flags

    static func run(_ arguments: Arguments) throws -> Int32 {
        let run = try FinishedRun(arguments, name)
        var request = SampleRequest()
        if let count = try arguments.int("count", in: 1...1 << 20) { request.count = count }
        if let seed = try arguments.int("seed", in: 0...1 << 40) { request.seed = UInt64(seed) }
        request.prompt = arguments.text("prompt")
        request.readsData = arguments.has("real")
        let samples = try noGrad { try run.trainee.samples(request) }
        if let path = arguments.text("out") {
            if path.hasSuffix(".npy") { return try writeArray(samples, to: path) }
            for written in try write(samples, to: { path.hasSuffix($0) ? path : path + $0 }) {
                print(written)
            }
            return 0
        }
        for case .text(let text) in samples { print(text) }
        let pictures = samples.filter { if case .pictures = $0 { true } else { false } }
        if case .pictures(let first, _, let columns) = pictures.first {
            TerminalPicture(first, columns: columns).lines.forEach { print($0) }
        }
        for path in try write(pictures, to: { "sample\($0)" }) { print(path) }
        return 0
    }

    /// The first pictures as bytes (N, H, W, C), for programs that go on with them.
    private static func writeArray(_ samples: [Sample], to path: String) throws -> Int32 {
        let all = samples.compactMap { sample in
            if case .pictures(let pictures, _, _) = sample { pictures } else { nil }
        }
        guard let pictures = all.first else {
            throw BenchmarkError.usage("--out \(path): this model makes no pictures")
        }
        let bytes = (pictures.clamped(min: 0, max: 1) * 255).rounded().cast(to: .u8)
        try writeNumPy(bytes, to: path)
        print(path)
        return 0
    }
}
