import Benchmarking
import Files
import Metrics
import Networks
import Tensors

/// `apus evaluate`: a trained model's figures on data that it was not trained on, or how far any pictures are from those
/// of a set, whoever made them.
enum EvaluateCommand: Command {
    static let name = "evaluate"
    static let summary = "Measure a trained model, or pictures that any program made."
    static let usage = "FOLDER, or --samples PATH --data PATH [--features FOLDER]"
    static let flags =
        [
            Flag(
                "samples", "PATH",
                "pictures to judge by --data: .npy (N, H, W, C), commas between, or a folder of PNGs"
            ),
            Flag("features", "FOLDER", "a run of the classifier to see with (one trained at once)"),
        ] + FinishedRun.flags

    static func run(_ arguments: Arguments) throws -> Int32 {
        let figures = try noGrad {
            try arguments.has("samples")
                ? distance(arguments) : FinishedRun(arguments, name).trainee.evaluate()
        }
        for (name, value) in figures.entries { print(name.padded(24) + "\(value)") }
        return 0
    }

    /// FID and its kin of the pictures of `--samples`.
    private static func distance(_ arguments: Arguments) throws -> Figures {
        guard arguments.words.isEmpty, let data = arguments.text("data") else {
            throw BenchmarkError.usage("evaluate --samples needs --data, and no folder of a run")
        }
        try setThreads(arguments)
        let device = try TrainCommand.device(arguments)
        let parts = try (arguments.list("samples") ?? []).map { try pictures(at: $0, on: device) }
        for part in parts where part.shape.dropFirst() != parts[0].shape.dropFirst() {
            throw BenchmarkError.failure(
                "--samples: pictures of two sizes, of which one is \(part.shape)")
        }
        let made = Tensor.concatenated(parts)
        let feed = try PictureFeed(
            RunData(DataPlace(data)), TrainingPlan(steps: 1, batch: 1), on: device,
            otherwise: .digits(1))
        let shape = [feed.facts.height, feed.facts.width, feed.facts.channels]
        guard Array(made.shape.dropFirst()) == shape else {
            throw BenchmarkError.failure(
                "--samples: \(made.shape), but the pictures of \(data) are \(shape)")
        }
        let judge = PictureJudge(feed, count: made.shape[0], on: device)
        if let path = arguments.text("features") { try judge.takeClassifier(from: RunFolder(path)) }
        return try judge.figures(made)
    }

    /// Pictures (N, H, W, C) in 0 ... 1.
    private static func pictures(at path: String, on device: Device) throws -> Tensor {
        guard path.hasSuffix(".npy") else {
            let set = try PictureFolder(DataPlace(path)).load(side: 32, on: device)
            return Tensor.concatenated([set.training.values, set.test.values])
        }
        let array = try NumPyFile(path: path).tensor(on: device)
        let pictures = array.rank == 3 ? array.expandingAxis(3) : array
        guard pictures.rank == 4, pictures.count > 0, array.dtype == .u8 || array.dtype.isFloat
        else {
            throw FileError(
                path, "is \(array.shape) \(array.dtype), but must be (N, H, W, C) bytes or floats")
        }
        if array.dtype == .u8 { return pictures.cast(to: .f32) * (1 / 255) }
        return pictures.cast(to: .f32).clamped(min: 0, max: 1)
    }
}
