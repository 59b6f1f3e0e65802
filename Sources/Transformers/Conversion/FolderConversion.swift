public import Files
import Tensors
import Text

/// Writes the model of a Hugging Face folder as a GGUF file.
///
/// - Parameters:
///   - type: of the matrices; vectors and norms stay f32.
///   - progress: told how many tensors are done.
public func convertFolder(
    _ folder: String, to path: String, type: GGUFType = .f16,
    progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
) throws {
    let fields = try ConfigFields(folder: folder)
    if let kind = try EncoderKind(fields) {
        let source = try EncoderFolder(folder, kind, fields, type, path)
        let entries = source.targets.map(\.entry)
        try writeGGUF(source.metadata(), entries, to: path) { place, write throws(FileError) in
            try write(try source.bytes(place))
            progress(place + 1, entries.count)
        }
        return
    }
    let conversion = try FolderConversion(folder, fields, type)
    let metadata = try conversion.metadata()
    let targets = try conversion.targets(path)
    try writeGGUF(metadata, targets.map(\.entry), to: path) { place, write throws(FileError) in
        let target = targets[place]
        for source in target.sources { try write(try conversion.bytes(source, target)) }
        if let values = target.values { try write(Tensor(values, on: .cpu).bytes()) }
        progress(place + 1, targets.count)
    }
}

extension GGUFMetadata {
    /// What every converted model says: its architecture and name, and its vocabulary if the folder has one.
    ///
    /// - Parameter size: of the table of tokens.
    init(
        _ architecture: String, folder: String, _ fields: ConfigFields, _ type: GGUFType,
        vocabulary size: Int
    ) throws(FileError) {
        self.init()
        self["general.architecture"] = .text(architecture)
        self["general.type"] = .text("model")
        let name = folder.split(separator: "/").last.map(String.init) ?? architecture
        self["general.name"] = .text(name == "." ? architecture : name)
        self["general.file_type"] = .uint32(GGUFMixture(named: type.name)?.fileType ?? 1)
        self["general.quantization_version"] = .uint32(2)
        let files = [
            "tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt",
        ]
        guard files.contains(where: { exists("\(folder)/\($0)") }) else {
            self["tokenizer.ggml.model"] = .text("no_vocab")
            return
        }
        let vocabulary = try GGUFVocabularyWriting(
            folder: folder, size: size, bos: fields["bos_token_id"]?.int,
            eos: fields.firstID("eos_token_id"), padding: fields["pad_token_id"]?.int)
        for (key, value) in vocabulary.entries { self[key] = value }
    }
}

extension Tensor {
    /// The bytes of a GGUF tensor.
    func bytes(inFile type: GGUFType) -> [UInt8] {
        if let dtype = type.dtype { return cast(to: dtype).bytes() }
        return cast(to: .f32).reshaped([-1, shape.last ?? 1]).bytes(as: type)
    }
}

private struct FolderConversion {
    let folder: String
    let files: SafetensorsFolder
    let configuration: DecoderConfiguration
    let fields: ConfigFields
    let architecture: String
    let type: GGUFType

    /// A tensor of the file, and what makes it: the folder's tensors one behind the other, or numbers.
    struct Target {
        var entry: GGUFTensor
        var form = TensorForm.same
        var sources: [String] = []
        var values: [Float]?
    }

    init(_ folder: String, _ fields: ConfigFields, _ type: GGUFType) throws(FileError) {
        (self.folder, self.fields, self.type) = (folder, fields, type)
        configuration = try DecoderConfiguration(config: fields)
        let name = fields["model_type"]?.string ?? ""
        let others = [
            "mistral": "llama", "mixtral": "llama", "gpt_neox": "gptneox", "gemma3_text": "gemma3",
        ]
        architecture = others[name] ?? name
        files = try SafetensorsFolder(path: folder)
        if let problem = configuration.unusual(architecture) {
            throw FileError(fields.path, "a GGUF file cannot say \(problem)")
        }
    }

    /// The file's tensors in order: the table of tokens, the layers, the rest.
    func targets(_ path: String) throws(FileError) -> [Target] {
        let names = ConversionNames(configuration)
        var found: [String: (place: ConversionNames.Place, sources: [Int: SafetensorsFile.Entry])]
        found = [:]
        for entry in files.entries where !ConversionNames.isConstant(entry.name) {
            guard let place = names.place(entry.name) else {
                throw FileError(folder, "\(entry.name.quoted) is no tensor of \(architecture)")
            }
            if place.part == "output" && configuration.isTied { continue }
            guard (place.layer ?? 0) < configuration.layers,
                (place.expert ?? 0) < configuration.experts?.count ?? 1
            else { throw FileError(folder, "\(entry.name.quoted) is of a layer too many") }
            found[place.name, default: (place, [:])].sources[place.expert ?? 0] = entry
        }
        var targets: [Target] = []
        for (place, sources) in found.values {
            targets.append(try target(place, sources, path))
        }
        let shapes = targets.map { ($0.entry.name, $0.entry.shape) }
        try configuration.check(Dictionary(shapes) { first, _ in first }, folder)
        return try targets.sorted { order($0) < order($1) } + ropeTargets(path)
    }

    private func order(_ target: Target) -> (Int, String) {
        let words = target.entry.name.split(separator: ".")
        if words.first == "blk", words.count > 1 {
            return (1 + (Int(words[1]) ?? 0), target.entry.name)
        }
        return (words.first == "token_embd" ? 0 : Int.max, target.entry.name)
    }

    private func target(
        _ place: ConversionNames.Place, _ sources: [Int: SafetensorsFile.Entry], _ path: String
    ) throws(FileError) -> Target {
        let list = sources.sorted { $0.key < $1.key }.map(\.value)
        let form = configuration.form(
            of: place.part, isWeight: place.kind == "weight", in: architecture)
        guard let first = list.first, list.allSatisfy({ $0.shape == first.shape }),
            configuration.fits(form, first.shape)
        else { throw FileError(folder, "\(place.name): the shapes do not fit") }
        var shape = form.shape(first.shape)
        if place.expert != nil {
            guard list.count == configuration.experts?.count else {
                throw FileError(folder, "\(place.name): \(list.count) experts have it")
            }
            shape = [list.count] + shape
        }
        let isPlain =
            first.shape.count < 2 || place.kind == "bias" || place.part.hasSuffix("norm")
            || ["ffn_gate_inp", "position_embd"].contains(place.part)
        let fitting = (shape.last ?? 1) % type.block.values == 0 ? type : .f16
        let entry = try GGUFTensor(
            name: place.name, type: isPlain ? .f32 : fitting, shape: shape, path: path)
        return Target(entry: entry, form: form, sources: list.map(\.name))
    }

    /// What llama.cpp keeps of a rope's stretching in tensors.
    private func ropeTargets(_ path: String) throws(FileError) -> [Target] {
        guard let rope = configuration.rotary else { return [] }
        var lists: [(String, [Double])] = []
        switch rope.scaling {
        case .long(let short, let long, _, _):
            lists = [("rope_factors_long.weight", long), ("rope_factors_short.weight", short)]
        case .llama3:
            var plain = rope
            plain.scaling = .none
            let (all, own) = (plain.frequencies(length: 1), rope.frequencies(length: 1))
            lists = [("rope_freqs.weight", zip(all, own).map { Double($0 / $1) })]
        default: break
        }
        var targets: [Target] = []
        for (name, values) in lists {
            let entry = try GGUFTensor(name: name, type: .f32, shape: [values.count], path: path)
            targets.append(Target(entry: entry, values: values.map { Float($0) }))
        }
        return targets
    }

    func bytes(_ source: String, _ target: Target) throws(FileError) -> [UInt8] {
        target.form.toGGUF(try files.tensor(source, on: .cpu)).bytes(inFile: target.entry.type)
    }

    // MARK: metadata

    func metadata() throws(FileError) -> GGUFMetadata {
        var m = try GGUFMetadata(
            architecture, folder: folder, fields, type, vocabulary: configuration.vocabulary)
        configuration.describe(architecture, into: &m)
        let settings = try TokenizerSettings(folder: folder)
        let path = "\(folder)/chat_template.jinja"
        let own = exists(path) ? String(decoding: try readFile(path), as: UTF8.self) : nil
        if let template = own ?? settings?.chatTemplate {
            m["tokenizer.chat_template"] = .text(template)
        }
        return m
    }
}

extension ConfigFields {
    /// An id, or the first of several.
    fileprivate func firstID(_ key: String) -> Int? { self[key]?.int ?? self[key]?.ints?.first }
}
