import Benchmarking
import Files
import Glibc
import Networks

/// `apus export`: a trained model as a folder that apus run and other programs read.
enum ExportCommand: Command {
    static let name = "export"
    static let summary = "Write a trained model as a folder with config.json and safetensors."
    static let usage = "FOLDER --out MODEL"
    static let flags = [Flag("out", "MODEL", "the folder to be made (model)")] + FinishedRun.flags

    static func run(_ arguments: Arguments) throws -> Int32 {
        let run = try FinishedRun(arguments, name)
        guard let trainee = run.trainee as? any ExportableTrainee else {
            throw BenchmarkError.failure(
                "\(run.folder.path): models of the recipe \(run.configuration.recipe) are not exported"
            )
        }
        let folder = arguments.text("out") ?? "model"
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw FileError(folder, "cannot be made: \(String(cString: strerror(errno)))")
        }
        try trainee.export(to: folder)
        print(folder)
        return 0
    }
}
