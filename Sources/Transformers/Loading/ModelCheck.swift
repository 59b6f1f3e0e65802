public import Files
import Networks
import Text

/// Refuses a file or folder that describes a language model or an encoder of text, but from which none could be loaded.
/// The description and the shapes of the tensors decide, by the code that loads them; no weights are read.
///
/// Other files pass: vocabularies without tensors, adapters, parts of models, and models of which nothing is known here.
public func checkModel(_ path: String) throws {
    if isFolder(path) {
        try checkModel(folder: path)
    } else if try GGUFFile.isOne(path) {
        try checkModel(GGUFFile(path: path))
    }
}

/// As above, of a GGUF file that is open.
public func checkModel(_ file: GGUFFile) throws {
    guard let architecture = file.describedArchitecture else { return }
    let named = file.metadata["general.architecture"]?.string
    guard named == architecture else {
        let problem = named.map { "is \($0.quoted)" } ?? "is missing"
        throw FileError(
            file.path, "general.architecture \(problem), but sizes are those of a \(architecture)")
    }
    switch architecture {
    case "bert": try LoadedBERT.check(file, file.tokenizer())
    case "t5", "t5encoder": try LoadedT5.check(file, file.tokenizer())
    default: _ = try ModelOutline(file, .stored)
    }
}

private func checkModel(folder: String) throws {
    let fields = try ConfigFields(folder: folder)
    // The parts of other libraries' pipelines name a class, and no type.
    guard let type = fields["model_type"]?.string else {
        guard fields["_class_name"] == nil else { return }
        throw FileError(fields.path, "model_type is missing")
    }
    let checkpoint = try SafetensorsFolder(path: folder).checkpoint(as: nil)
    if BERTConfiguration.types.contains(type) {
        try LoadedBERT.check(checkpoint, BERTConfiguration(config: fields))
    } else if type == "t5" {
        try LoadedT5.check(checkpoint, T5Configuration(config: fields))
    } else if families[type] != nil
        || checkpoint.names.contains("\(DecoderNames().embedding).weight")
    {
        // A decoder by its tensors must be of a type that is known.
        _ = try ModelOutline(folder: folder, checkpoint)
    }
}

extension GGUFFile {
    /// The vocabulary; nil where the file says that it has none.
    func tokenizer() throws(FileError) -> Tokenizer? {
        let hasNone = metadata["tokenizer.ggml.model"]?.string == "no_vocab"
        return hasNone ? nil : try Tokenizer(gguf: metadata, path: path)
    }

    /// The architecture whose sizes the metadata have, if it is a known one and the file is a whole model.
    fileprivate var describedArchitecture: String? {
        let type = metadata["general.type"]?.string ?? "model"
        guard !tensors.isEmpty, type == "model", (metadata["split.count"]?.int ?? 1) < 2 else {
            return nil
        }
        let known = DecoderConfiguration.architectures + ["bert", "t5", "t5encoder"]
        let starts = Set(metadata.keys.compactMap { key in key.split(separator: ".").first })
        let named = metadata["general.architecture"]?.string
        if let named, starts.contains(named[...]) { return known.contains(named) ? named : nil }
        return known.first { starts.contains($0[...]) }
    }
}
