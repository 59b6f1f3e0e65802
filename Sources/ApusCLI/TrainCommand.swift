import Benchmarking
import Files
import Networks
import Tensors

/// `apus train`: from data to a trained model in one command, which survives being killed.
enum TrainCommand: Command {
    static let name = "train"
    static let summary = "Train a model: a progress bar, curves, samples, checkpoints that resume."
    static let usage = "RECIPE [--data PATH] [--out run] [--set name=value …]"

    static let flags = [
        Flag("data", "PATH", "a file or folder of examples (the recipe's own made-up set)"),
        Flag("strict", nil, "a broken example ends the run; else it is named and skipped"),
        Flag("out", "FOLDER", "where the run is kept (run)"),
        Flag("resume", nil, "go on with the run in --out from its last checkpoint"),
        Flag("steps", "N", "optimiser steps"),
        Flag("batch", "N", "examples in a batch"),
        Flag("accumulate", "N", "batches whose gradients make one step"),
        Flag("precision", "f32|bf16|f16", "of activations and products; weights stay f32 (f32)"),
        Flag("seed", "N", "the same seed gives the same run, bit for bit (1)"),
        Flag("config", "FILE", "settings as JSON, such as another run's config.json"),
        Flag(
            "set", "name=value", "one setting; several stand between commas, or each behind a --set"
        ),
        Flag("list", nil, "print the recipe's settings and train nothing"),
        Flag.device, Flag.threads,
    ]

    static var notes: String {
        let list = Recipes.all.map { "  " + $0.name.padded(12) + $0.summary }
        return """
            Recipes; apus train RECIPE --list prints what can be set:
            \(list.joined(separator: "\n"))

            Ctrl-C saves and ends; the same command with --resume goes on. The folder has config.json, metrics.jsonl,
            checkpoints (safetensors), samples and report.html. apus sample FOLDER makes more samples.
            """
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.count == 1 else {
            throw BenchmarkError.usage(
                "train needs one recipe: " + Recipes.all.map { $0.name }.joined(separator: ", "))
        }
        let recipe = try Recipes.named(arguments.words[0])
        try setThreads(arguments)
        let folder = RunFolder(arguments.text("out") ?? "run")
        let resumes = arguments.has("resume")
        var configuration = RunConfiguration(recipe)
        if resumes { configuration = try resumed(recipe.name, in: folder) }
        try change(&configuration, arguments)
        if arguments.has("list") {
            print(configuration.json.indented)
            return 0
        }
        if folder.hasRun && !resumes {
            throw BenchmarkError.usage(
                "\(folder.path) has a run: go on with --resume, or choose another --out")
        }
        return try train(recipe, configuration, folder, arguments)
    }

    private static func resumed(_ recipe: String, in folder: RunFolder) throws -> RunConfiguration {
        guard folder.hasRun else {
            throw BenchmarkError.failure("\(folder.path): there is no run to resume")
        }
        let configuration = try RunConfiguration(reading: folder)
        guard configuration.recipe == recipe else {
            throw BenchmarkError.usage("\(folder.path) has a run of \(configuration.recipe)")
        }
        return configuration
    }

    /// What the flags change.
    private static func change(_ configuration: inout RunConfiguration, _ arguments: Arguments)
        throws
    {
        if let path = arguments.text("config") {
            let json = try JSON(parsing: try readFile(path), path: path)
            try configuration.merge(json, from: path)
        }
        for assignment in try arguments.assignments("set") { try configuration.set(assignment) }
        if let path = arguments.text("data") {
            configuration.data = DataPlace(path, isStrict: arguments.has("strict"))
        }
        for name in ["steps", "batch", "accumulate", "seed"] {
            if let value = try arguments.int(name, in: 0...1 << 40) {
                try configuration.set("\(name)=\(value)")
            }
        }
        if let precision = arguments.text("precision") {
            try configuration.set("precision=\"\(precision)\"")
        }
        if let problem = configuration.plan.problem { throw BenchmarkError.usage(problem) }
    }

    private static func train(
        _ recipe: any Recipe.Type, _ configuration: RunConfiguration, _ folder: RunFolder,
        _ arguments: Arguments
    ) throws -> Int32 {
        let device = try TrainCommand.device(arguments)
        let resumes = arguments.has("resume")
        let trainee = try configuration.trainee(recipe, of: resumes ? folder : nil, on: device)
        try configuration.write(to: folder, trainee.notes)
        let count = trainee.networks.reduce(0) { $0 + $1.store.count }
        print(
            "\(recipe.name): \(count) parameters on \(device.name), \(configuration.plan.steps) "
                + "steps in \(configuration.plan.precision.rawValue); "
                + "\(folder.path)/report.html shows how it goes")
        let loop = TrainingLoop(
            configuration.plan, trainee, in: folder, on: device,
            title: "apus train \(recipe.name)")
        switch try loop.run(resuming: resumes) {
        case .finished: print("\(folder.path): done; apus sample \(folder.path) makes samples")
        case .interrupted(let step):
            print("\(folder.path): saved after \(step) steps; --resume goes on")
        }
        return 0
    }

    /// The one device that is asked for, or the best there is.
    static func device(_ arguments: Arguments, initially: Device = .best) throws -> Device {
        guard arguments.has("device") else { return initially }
        let devices = try ListedDevice.named(arguments.list("device"))
        guard devices.count == 1 else {
            throw BenchmarkError.usage("a model is on one device, not on \(devices.count)")
        }
        return devices[0].device
    }
}
