import Benchmarking
import Metrics
import Networks
import Tensors

/// What a trained model of `apus train` loses and gains when its weights are kept in few bits.
enum RunQuantization {
    static func run(_ arguments: Arguments) throws -> Int32 {
        guard let format = try FinishedRun.format(arguments) else {
            throw BenchmarkError.usage("quantize of a run needs --type, such as int8 or q4")
        }
        let run = try FinishedRun(arguments, "quantize", quantizes: false)
        let before = try Measured(run)
        run.quantize(format)
        let after = try Measured(run)
        print("".padded(16) + "f32".padded(16) + format.description)
        for (one, other) in zip(before.lines, after.lines) {
            print(one.name.padded(16) + one.text.padded(16) + other.text)
        }
        if let a = before.pictures, let b = after.pictures, a.shape == b.shape {
            let likeness = Double(PictureQuality.psnr(a, b).mean().item())
            print("samples".padded(32) + "\(fixed(likeness, 1)) dB from those in f32")
        }
        return 0
    }

    /// A run's figures, weights and speed.
    private struct Measured {
        private let figures: Figures
        private let bytes: Int
        private let seconds: Double
        /// The first pictures of its samples.
        let pictures: Tensor?

        init(_ run: FinishedRun) throws {
            figures = try noGrad { try run.trainee.evaluate() }
            bytes = run.trainee.networks.reduce(0) { $0 + $1.store.byteCount }
            let request = SampleRequest()
            _ = try noGrad { try run.trainee.samples(request) }
            let clock = ContinuousClock()
            var samples: [Sample] = []
            let spent = try clock.measure {
                samples = try noGrad { try run.trainee.samples(request) }
            }
            pictures =
                samples.lazy.compactMap { sample in
                    if case .pictures(let pictures, _, _) = sample { pictures } else { nil }
                }.first
            seconds = spent / .seconds(1)
        }

        var lines: [(name: String, text: String)] {
            figures.entries.map { ($0.name, fixed($0.value, 5)) }
                + [("weights", size(Double(bytes))), ("sampling", duration(seconds))]
        }
    }
}
