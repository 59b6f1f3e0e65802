import Files
import Glibc
import Support
import Tensors
import Testing

@testable import Networks

/// A line through points: the smallest thing that trains.
private final class LineTrainee: Trainee {
    private let store: ParameterStore
    private let weight: Parameter
    private var optimiser: Optimiser
    private let plan: TrainingPlan
    private let breaksAt: Int
    /// Called before a step.
    var beforeStep: (Int) -> Void = { _ in }

    init(_ plan: TrainingPlan, breaksAt: Int = .max) {
        store = ParameterStore(seed: plan.seed)
        weight = store.scope.parameter("w", [3], .normal(deviation: 1))
        optimiser = Optimiser(store.trainable, Adam())
        (self.plan, self.breaksAt) = (plan, breaksAt)
    }

    var networks: [(name: String, store: ParameterStore)] { [("model", store)] }
    var work: (amount: Int, unit: String) { (4, "points") }
    var values: [Float] { weight.value.scalars() }

    func step(_ step: Int) throws -> Figures {
        beforeStep(step)
        var key = RandomKey(seed: plan.seed).folded(step)
        let x = key.normal([4, 3])
        let (loss, gradients) = store.valueAndGradients {
            (x.matmul(weight.value.reshaped([3, 1])) - x.sum(axes: [1], keepDims: true)).squared()
                .mean()
        }
        optimiser.step(gradients, lr: 0.05)
        if step == breaksAt { weight.assign(weight.value.detached * .infinity) }
        return ["loss": step == breaksAt ? .nan : Double(loss.item())]
    }

    func evaluate() throws -> Figures {
        ["error": values.reduce(0) { $0 + Double(abs($1 - 1)) }]
    }

    func samples(_ request: SampleRequest) throws -> [Sample] { [.text("w = \(values)")] }

    func save(to state: inout TrainingState) {
        state.add(store, "model")
        state.add(optimiser, "optimiser")
    }

    func restore(from state: TrainingState) throws {
        try state.restore(store, "model")
        try state.restore(&optimiser, "optimiser")
    }
}

@Suite(.serialized) struct TrainingLoopTests {
    private let place = TemporaryFolder()
    private var folder: RunFolder { RunFolder("\(place.path)/deep/run") }
    private let plan = TrainingPlan(
        steps: 20, batch: 4, evaluateEvery: 5, sampleEvery: 10, saveEvery: 4, keep: 2)

    private func train(_ trainee: LineTrainee, in folder: RunFolder, resuming: Bool = false) throws
        -> TrainingLoop.Outcome
    {
        try TrainingLoop(plan, trainee, in: folder, on: .cpu, title: "a <line>").run(
            resuming: resuming)
    }

    private func lines() throws -> [JSON] {
        try readFile(folder.metrics).split(separator: 10).map {
            try JSON(parsing: Array($0), path: "metrics")
        }
    }

    @Test func aRunLeavesEverything() throws {
        #expect(try train(LineTrainee(plan), in: folder) == .finished)
        #expect(folder.savedSteps() == [16, 20])
        let lines = try lines()
        #expect(lines.filter { $0["loss"] != nil }.compactMap { $0["step"]?.int } == Array(1...20))
        #expect(lines.count { $0["evaluation"]?["error"] != nil } == 4)
        let page = String(decoding: try readFile(folder.report), as: UTF8.self)
        #expect(page.contains("a &lt;line&gt;") && page.contains("<polyline"))
        #expect(page.contains("w = ["))
        #expect(try TrainingState(reading: folder.best).text["run.step"] != nil)
    }

    /// Whatever was written after the last checkpoint is done again, to the same bits.
    @Test func aRunThatWasKilledGoesOnBitForBit() throws {
        let whole = LineTrainee(plan)
        _ = try train(whole, in: folder)
        let expected = try lines().map { $0["loss"] }
        // Killed in step 11: step 8 is saved, and the log's last line is cut off.
        let other = RunFolder(folder.path + "-killed")
        let killed = LineTrainee(plan, breaksAt: 10)
        #expect(throws: TrainingError.self) { try train(killed, in: other) }
        var log = try readFile(other.metrics)
        log.removeLast(7)
        try writeFile(other.metrics, [log])
        let resumed = LineTrainee(TrainingPlan(steps: 20, batch: 4, seed: plan.seed))
        #expect(try train(resumed, in: other, resuming: true) == .finished)
        #expect(resumed.values == whole.values)
        #expect(
            try readFile(other.metrics).split(separator: 10).map {
                try JSON(parsing: Array($0), path: "metrics")["loss"]
            } == expected)
    }

    @Test func aBrokenCheckpointIsPassedOver() throws {
        _ = try train(LineTrainee(plan), in: folder)
        let newest = "\(folder.path)/checkpoints/step-00000020.safetensors"
        let bytes = try readFile(newest)
        try writeFile(newest, [Array(bytes.prefix(bytes.count / 2))])
        var warnings: [String] = []
        let found = try folder.newestState { warnings.append($0) }
        #expect(found?.step == 16 && warnings.count == 1)
        #expect(warnings[0].contains("step-00000020"))
    }

    @Test func aLossThatIsNotFiniteIsNamedAndTheCheckpointStays() throws {
        let trainee = LineTrainee(plan, breaksAt: 10)
        let saved = "\(folder.path)/checkpoints/step-00000008.safetensors"
        #expect(
            throws: TrainingError.notFinite(
                step: 10, what: "the loss", tensor: "model.w", saved: saved)
        ) { try train(trainee, in: folder) }
        #expect(folder.savedSteps() == [4, 8])
        #expect(try TrainingState(reading: saved).firstNotFinite == nil)
    }

    @Test func controlCSavesAndEnds() throws {
        let trainee = LineTrainee(plan)
        trainee.beforeStep = { step in
            guard step == 6 else { return }
            kill(getpid(), SIGINT)
            // It goes to the main thread, which takes it when it wakes.
            for _ in 0..<20_000 where !Interruption.isWanted { usleep(1000) }
        }
        #expect(try train(trainee, in: folder) == .interrupted(7))
        #expect(folder.savedSteps() == [4, 7])
        let whole = LineTrainee(plan)
        _ = try train(whole, in: RunFolder(folder.path + "-whole"))
        let resumed = LineTrainee(plan)
        #expect(try train(resumed, in: folder, resuming: true) == .finished)
        #expect(resumed.values == whole.values)
    }

    @Test func aFolderThatCannotBeMadeIsNamed() {
        #expect {
            try train(LineTrainee(plan), in: RunFolder("/proc/run"))
        } throws: { "\($0)".contains("/proc/run") }
    }
}

private enum LineRecipe: Recipe {
    struct Settings: Codable {
        struct Part: Codable { var width = 3 }
        var lr = 0.1
        var kind = "plain"
        var part = Part()
    }

    static let name = "line"
    static let summary = "a line"
    static let settings = Settings()
    static let plan = TrainingPlan(steps: 5, batch: 2)

    static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee { LineTrainee(plan) }
}

@Suite struct RunConfigurationTests {
    @Test func settingsChangeByName() throws {
        var configuration = RunConfiguration(LineRecipe.self)
        for assignment in ["steps=7", "lr=0.5", "kind=fancy", "part.width=9", "precision=bf16"] {
            try configuration.set(assignment)
        }
        #expect(configuration.plan.steps == 7 && configuration.plan.precision == .bf16)
        #expect(configuration.settings["lr"]?.double == 0.5)
        #expect(configuration.settings["kind"]?.string == "fancy")
        #expect(configuration.settings["part"]?["width"]?.int == 9)
        #expect(configuration.settings["part"]?.members?.count == 1)
    }

    @Test(arguments: [
        ("speed=1", "unknown setting speed; there are accumulate, batch"), ("lr", "name=value"),
        ("steps=many", "steps is \"many\""), ("part.height=1", "unknown setting part.height"),
        ("precision=f8", "precision"),
    ])
    func whatIsNotThereIsRefused(assignment: String, message: String) {
        var configuration = RunConfiguration(LineRecipe.self)
        #expect { try configuration.set(assignment) } throws: { "\($0)".contains(message) }
    }

    @Test func aConfigurationComesBackFromItsFolder() throws {
        let place = TemporaryFolder()
        let folder = RunFolder(place.path)
        var configuration = RunConfiguration(LineRecipe.self)
        configuration.data = DataPlace("/a/b", isStrict: true)
        try configuration.write(to: folder)
        #expect(try RunConfiguration(reading: folder) == configuration)
        var other = RunConfiguration(LineRecipe.self)
        try other.merge(configuration.json, from: "config")
        #expect(other == configuration)
        #expect(throws: FileError.self) {
            try other.merge(.object([.init(key: "recipe", value: .string("x"))]), from: "config")
        }
    }

    @Test func badTypesAreNamedWhenTheTraineeIsMade() throws {
        var configuration = RunConfiguration(LineRecipe.self)
        try configuration.set("lr=fast")
        #expect { try configuration.trainee(LineRecipe.self, on: .cpu) } throws: {
            "\($0)" == "settings: lr is \"fast\", not a number"
        }
    }
}
