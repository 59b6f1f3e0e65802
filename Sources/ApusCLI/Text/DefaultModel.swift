import CStory
import Files
import Tensors
import Transformers

/// The small model that the program carries, for when none is named: it tells stories. docs/models.md says how it was made.
enum DefaultModel {
    static let name = "the built-in storyteller"
    /// What it begins with, if nothing else is asked for.
    static let prompt = "Once upon a time"

    /// The GGUF file within the program.
    static var file: GGUFFile {
        get throws(FileError) {
            let size = apus_story_size()
            var bytes = [UInt8](repeating: 0, count: size)
            apus_story_copy(&bytes, size)
            return try GGUFFile(bytes, path: name)
        }
    }

    static func load(on device: Device) throws -> LoadedModel {
        try LoadedModel.load(file, on: device)
    }
}
