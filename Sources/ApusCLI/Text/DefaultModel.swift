import Benchmarking
import Tensors
import Transformers

/// The small model that the package carries, for who has none.
enum DefaultModel {
    static let name = "the built-in model"
    /// What it begins with, if nothing else is asked for.
    static let prompt = "Once upon a time"

    static func load(on device: Device) throws -> LoadedModel {
        throw BenchmarkError.usage("-m PATH names the model: this build carries none")
    }
}
