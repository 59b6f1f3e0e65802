public import Files
public import Networks
public import Tensors
public import Text

/// A language model as people have it: weights, tokenizer, chat template, and the tokens that end an answer.
public struct LoadedModel: Sendable {
    public let model: Decoder
    /// The weights.
    public let store: ParameterStore
    public let tokenizer: Tokenizer?
    public let chatTemplate: ChatTemplate?
    /// The tokens that end an answer.
    public let endTokens: [Int]
    /// The model's name, or that of its file or folder.
    public let name: String
    /// The architecture, size and types: "llama 1.1 B Q4_0".
    public let description: String

    /// How weights are kept.
    public enum Weights: Sendable {
        /// As the file has them.
        case stored
        /// All as f32: exact, and trainable.
        case f32

        var dtype: DType? { self == .f32 ? .f32 : nil }
    }

    /// Loads a GGUF file that is open, or within the program.
    public static func load(
        _ file: GGUFFile, _ weights: Weights = .stored, on device: Device = .default
    ) throws -> LoadedModel {
        try LoadedModel(ModelOutline(file, weights), on: device)
    }

    /// Loads a GGUF file, a folder as on the Hugging Face hub, or one of its .safetensors files.
    ///
    /// - Throws: an error of one line for what is missing, wrong or not known.
    public static func load(
        _ path: String, _ weights: Weights = .stored, on device: Device = .default
    ) throws -> LoadedModel {
        if isFolder(path) {
            let files = try SafetensorsFolder(path: path)
            let outline = try ModelOutline(folder: path, files.checkpoint(as: weights.dtype))
            return try LoadedModel(outline, on: device)
        }
        if try GGUFFile.isOne(path) {
            return try load(GGUFFile(path: path), weights, on: device)
        }
        guard path.hasSuffix(".safetensors") else {
            throw FileError(path, "is neither a folder nor a .safetensors or .gguf file")
        }
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/")
        let outline = try ModelOutline(
            folder: folder.isEmpty ? "." : folder,
            Checkpoint(SafetensorsFile(path: path), as: weights.dtype))
        return try LoadedModel(outline, on: device)
    }
}
