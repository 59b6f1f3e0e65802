import Benchmarking
import Files
import Networks
import Tensors
import Transformers

/// `apus convert`: a language model from a Hugging Face folder to a GGUF file, or back.
enum ConvertCommand: Command {
    static let name = "convert"
    static let summary =
        "Convert a language model, BERT or T5 between a Hugging Face folder and a GGUF file."
    static let usage = "FOLDER OUT.gguf | IN.gguf FOLDER [--type F16]"
    static let flags = [
        Flag("type", "T", "of the matrices: F32, F16, BF16; in a GGUF file also Q8_0 (F16)"),
        Flag.threads,
    ]
    static let notes = """
        Weights, vocabulary and chat template go along; vectors stay F32. A converted vocabulary is checked: it gives the same
        ids for a text of many scripts, or the conversion is refused. apus quantize makes the smaller types.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.count == 2 else {
            throw BenchmarkError.usage(
                "convert: say apus convert FOLDER OUT.gguf, or IN.gguf FOLDER")
        }
        try setThreads(arguments)
        let (source, target) = (arguments.words[0], arguments.words[1])
        let name = arguments.text("type") ?? "F16"
        guard let type = GGUFType(named: name), [.f32, .f16, .bf16, .q8_0].contains(type) else {
            throw BenchmarkError.usage(
                "convert: --type is \(name), but must be F32, F16, BF16 or Q8_0")
        }
        var bar = ProgressBar("converting")
        if isFolder(source) {
            try convertFolder(source, to: target, type: type) { bar.show($0, of: $1) }
        } else {
            guard let dtype = type.dtype else {
                throw BenchmarkError.usage("convert: a folder's type is F32, F16 or BF16")
            }
            try convertGGUF(source, to: target, dtype: dtype) { bar.show($0, of: $1) }
        }
        bar.clear()
        print("\(target): written")
        return 0
    }
}
