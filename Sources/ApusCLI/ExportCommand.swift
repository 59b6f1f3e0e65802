import Benchmarking
import Files
import Glibc
import Networks
import Transformers

/// `apus export`: a trained language model as a folder that `apus run` and other programs read.
enum ExportCommand: Command {
    static let name = "export"
    static let summary = "Write a trained language model as a folder of the Hugging Face hub."
    static let usage = "RUN [--out FOLDER]"
    static let flags =
        [Flag("out", "FOLDER", "where the model goes (model)")] + FinishedRun.flags
    static let notes = """
          apus train llama --out run && apus export run && apus run -m model
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        let folder = arguments.text("out") ?? "model"
        let run = try FinishedRun(arguments, name)
        guard let model = run.trainee as? any LanguageTrainee else {
            throw BenchmarkError.failure(
                "\(run.configuration.recipe) makes no language model that others read; llama does")
        }
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw FileError(folder, "cannot be made: \(String(cString: strerror(errno)))")
        }
        try model.writeModel(to: folder)
        print("\(folder): config.json, tokenizer.json, model.safetensors")
        return 0
    }
}
