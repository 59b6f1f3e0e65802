import Benchmarking
import Diffusion
import Files
import Networks
import Tensors
import Transformers

/// A recipe, small enough to be watched: it is trained on the set that it makes itself, and samples what it learned.
struct Lesson {
    let title: String
    let recipe: any Recipe.Type
    let steps: Int
    let settings: [String]

    static let all = [
        Lesson(
            title: "A GPT learns to write little stories", recipe: GPTRecipe.self, steps: 1200,
            settings: [
                "batch=16", "learner.lr=0.004", "sampleLength=400", "temperature=0.6",
                "measured=100",
            ]),
        Lesson(
            title: "A diffusion model learns to draw coloured shapes", recipe: DDPMRecipe.self,
            steps: 800,
            settings: [
                "pictures.side=16", "examples=4000", "multipliers=[1, 2]", "attention=[1]",
                "learner.lr=0.002", "learner.average=0.99", "samplerSteps=25",
            ]),
    ]

    /// Trains, and shows what came of it; whether the loss fell.
    func run(_ steps: Int?, in folder: RunFolder, _ device: Device) throws -> Bool {
        var configuration = RunConfiguration(recipe)
        for setting in settings { try configuration.set(setting) }
        configuration.plan.steps = steps ?? self.steps
        // Looking up costs time: only at the end.
        for name in ["evaluateEvery", "sampleEvery", "saveEvery"] {
            try configuration.set("\(name)=0")
        }
        let trainee = try configuration.trainee(recipe, on: device)
        try configuration.write(to: folder, trainee.notes)
        let count = trainee.networks.reduce(0) { $0 + $1.store.count }
        print("  \(count) parameters; \(folder.path)/report.html has all about it")
        let loop = TrainingLoop(
            configuration.plan, trainee, in: folder, on: device, title: "apus demo: \(title)")
        let outcome = try loop.run(resuming: false)
        let losses = try Lesson.losses(folder)
        print(
            "\n  loss  \(curve(losses, width: 60))  \(short(losses.first ?? 0)) to \(short(losses.last ?? 0))\n"
        )
        try show(trainee, in: folder)
        guard outcome == .finished else { throw BenchmarkError.failure("interrupted") }
        let part = max(1, losses.count / 10)
        let (first, last) = (losses.prefix(part), losses.suffix(part))
        return last.reduce(0, +) < first.reduce(0, +)
    }

    private func show(_ trainee: any Trainee, in folder: RunFolder) throws {
        let samples = try noGrad {
            try trainee.samples(SampleRequest(seed: 3, prompt: "Once upon a time"))
        }
        for sample in samples.prefix(1) {
            switch sample {
            case .text(let text):
                for line in folded(text, width: 90) { print("  │ " + line) }
            case .pictures(let pictures, _, let columns):
                for line in TerminalPicture(pictures, columns: columns).lines { print("  " + line) }
            }
        }
        for path in try write(samples, to: { "\(folder.path)/sample\($0)" }) {
            print("\n  " + path)
        }
    }

    /// The loss of each step.
    private static func losses(_ folder: RunFolder) throws -> [Double] {
        try readFile(folder.metrics).split(separator: 10).compactMap {
            try JSON(parsing: Array($0), path: folder.metrics)["loss"]?.double
        }
    }
}

/// Values as a line of bars; their square roots, so that the small ones still show.
func curve(_ values: [Double], width: Int) -> String {
    let bars = Array("▁▂▃▄▅▆▇█")
    let highest = max(values.max() ?? 1, 1e-6)
    let count = min(width, values.count)
    return String(
        (0..<count).map { i in
            let part = values[i * values.count / count..<(i + 1) * values.count / count]
            let mean = part.reduce(0, +) / Double(part.count)
            guard mean.isFinite else { return "?" }
            return bars[min(7, max(0, Int((mean / highest).squareRoot() * 7.99)))]
        })
}

/// Lines of at most `width` letters, broken at blanks.
func folded(_ text: String, width: Int) -> [String] {
    text.split(separator: "\n").flatMap { paragraph in
        var lines = [""]
        for word in paragraph.split(separator: " ") {
            let last = lines[lines.count - 1]
            if !last.isEmpty && last.count + word.count >= width {
                lines.append(String(word))
            } else {
                lines[lines.count - 1] = last.isEmpty ? String(word) : last + " " + word
            }
        }
        return lines
    }
}
