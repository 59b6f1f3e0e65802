import Benchmarking
import Networks
import Tensors

/// `apus quantize`: what a trained model loses and gains when its weights are kept in few bits.
enum QuantizeCommand: Command {
    static let name = "quantize"
    static let summary = "Show what int8 or 4-bit weights cost a trained model, and what they gain."
    static let usage = "FOLDER --type int8|int4|q8|q4|…"
    static let flags = FinishedRun.flags
    static let notes = """
        The figures of apus evaluate, the bytes of the weights and the time of apus sample, in f32 and in few bits.
        apus sample and apus evaluate take --type too. Norms, biases and small weights stay f32; 3×3 convolutions are kept in int8.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard let format = try FinishedRun.format(arguments) else {
            throw BenchmarkError.usage("quantize needs --type, such as int8 or q4")
        }
        let run = try FinishedRun(arguments, name, quantizes: false)
        let before = try Measured(run)
        run.quantize(format)
        let after = try Measured(run)
        print("".padded(16) + "f32".padded(16) + format.description)
        for (one, other) in zip(before.lines, after.lines) {
            print(one.name.padded(16) + one.text.padded(16) + other.text)
        }
        return 0
    }

    /// A run's figures, weights and speed.
    private struct Measured {
        private let figures: Figures
        private let bytes: Int
        private let seconds: Double

        init(_ run: FinishedRun) throws {
            figures = try noGrad { try run.trainee.evaluate() }
            bytes = run.trainee.networks.reduce(0) { $0 + $1.store.byteCount }
            let request = SampleRequest()
            _ = try noGrad { try run.trainee.samples(request) }
            let clock = ContinuousClock()
            let spent = try clock.measure { _ = try noGrad { try run.trainee.samples(request) } }
            seconds = spent / .seconds(1)
        }

        var lines: [(name: String, text: String)] {
            figures.entries.map { ($0.name, fixed($0.value, 5)) }
                + [("weights", size(Double(bytes))), ("sampling", duration(seconds))]
        }
    }
}
