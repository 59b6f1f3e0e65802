import Files
import Glibc
public import Tensors
import Text

/// Writes the model of a GGUF file as a Hugging Face folder: config.json, model.safetensors, tokenizer.json and its settings.
///
/// - Parameters:
///   - dtype: of the matrices; those in blocks become plain numbers.
///   - progress: told how many tensors are done.
public func convertGGUF(
    _ path: String, to folder: String, dtype: DType = .f16,
    progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
) throws {
    let description = try GGUFDescription(GGUFFile(path: path))
    if let kind = try EncoderKind(description) {
        let source = try EncoderFile(description, kind, dtype)
        let texts = try description.texts(source.config, dtype, length: source.length)
        try writeFolder(
            folder, texts, source.targets.map { ($0.name, $0.dtype, $0.shape) }, progress,
            source.tensor)
        return
    }
    let conversion = try GGUFConversion(description, dtype)
    let targets = try conversion.targets()
    let c = conversion.configuration
    let texts = try description.texts(c.hubConfig(description), dtype, length: c.context)
    try writeFolder(folder, texts, targets.map { ($0.name, $0.dtype, $0.shape) }, progress) {
        place throws(FileError) in try conversion.tensor(targets[place])
    }
}

/// Writes a folder's descriptions, and its tensors one after the other.
private func writeFolder(
    _ folder: String, _ texts: [(name: String, json: JSON)],
    _ targets: [(name: String, dtype: DType, shape: [Int])],
    _ progress: (_ done: Int, _ all: Int) -> Void, _ tensor: (Int) throws(FileError) -> Tensor
) throws(FileError) {
    guard mkdir(folder, 0o755) == 0 || errno == EEXIST && isFolder(folder) else {
        throw FileError(folder, "cannot be made: \(String(cString: strerror(errno)))")
    }
    for (name, json) in texts {
        try writeFile("\(folder)/\(name)", [Array(json.indented.utf8), [10]])
    }
    try writeSafetensors(targets, metadata: ["format": "pt"], to: "\(folder)/model.safetensors") {
        place throws(FileError) in
        progress(place + 1, targets.count)
        return try tensor(place)
    }
}

private struct GGUFConversion {
    let file: GGUFFile
    let description: GGUFDescription
    let configuration: DecoderConfiguration
    let dtype: DType

    struct Target {
        let name: String
        let dtype: DType
        let shape: [Int]
        let source: GGUFTensor
        let form: TensorForm
        /// Which of an expert's stacked matrices.
        var part: Int?
    }

    init(_ description: GGUFDescription, _ dtype: DType) throws(FileError) {
        (file, self.description, self.dtype) = (description.file, description, dtype)
        configuration = try DecoderConfiguration(gguf: description)
    }

    func targets() throws(FileError) -> [Target] {
        let names = ConversionNames(configuration)
        var targets: [Target] = []
        let own = file.tensors.filter { !$0.name.hasPrefix("rope_") }
        let shapes = own.map { ($0.name, $0.shape) }
        try configuration.check(Dictionary(shapes) { first, _ in first }, file.path)
        for source in own {
            let words = source.name.split(separator: ".").map(String.init)
            let part = words.count == 4 ? words[2] : words.first ?? ""
            let isStacked = part.hasSuffix("_exps")
            let found = names.hub(
                source.name, experts: isStacked ? source.shape.first ?? 0 : 1)
            let own = isStacked ? Array(source.shape.dropFirst()) : source.shape
            let form = configuration.form(
                of: part, isWeight: words.last == "weight", in: description.architecture)
            guard !found.isEmpty, configuration.fits(form, own),
                !isStacked || found.count == configuration.experts?.count
            else {
                throw FileError(
                    file.path,
                    "\(source.name.quoted) \(source.shape) is no tensor of \(description.architecture)"
                )
            }
            for (place, name) in found.enumerated() {
                let kept = own.count < 2 ? .f32 : dtype
                targets.append(
                    Target(
                        name: name, dtype: kept, shape: form.shape(own), source: source, form: form,
                        part: isStacked ? place : nil))
            }
        }
        return targets
    }

    func tensor(_ target: Target) throws(FileError) -> Tensor {
        let shape = target.source.shape
        let rows = shape.dropLast().reduce(1, *)
        let x: Tensor
        if let part = target.part {
            let own = rows / max(1, shape[0])
            x = try file.matrix(target.source.name, rows: part * own..<(part + 1) * own, on: .cpu)
        } else {
            x = try file.tensor(target.source.name, on: .cpu)
        }
        return target.form.toHub(x).cast(to: target.dtype).contiguous()
    }
}

extension GGUFDescription {
    /// The files that describe a folder's model.
    ///
    /// - Parameters:
    ///   - config: what `config.json` says of the architecture.
    ///   - length: the most tokens of a text.
    fileprivate func texts(_ config: [(String, JSON)], _ dtype: DType, length: Int)
        throws(FileError) -> [(name: String, json: JSON)]
    {
        let m = file.metadata
        let types: [DType: String] = [.f16: "float16", .bf16: "bfloat16"]
        // Encoders of words have marks around a text, but none that begins or ends an answer.
        let isWords = m["tokenizer.ggml.model"]?.string == "bert"
        let ids = (isWords ? [] : ["bos", "eos"]).compactMap { name in
            m["tokenizer.ggml.\(name)_token_id"]?.int.map {
                ("\(name)_token_id", JSON.integer($0))
            }
        }
        let added = ids + [("torch_dtype", .string(types[dtype] ?? "float32"))]
        let all = config + added.filter { new in !config.contains { $0.0 == new.0 } }
        var texts = [("config.json", JSON.object(all.map { JSON.Member(key: $0.0, value: $0.1) }))]
        if m["tokenizer.ggml.model"]?.string != "no_vocab" {
            texts.append(("tokenizer.json", try Tokenizer.json(gguf: m, path: file.path)))
            texts.append(("tokenizer_config.json", settings(length)))
        }
        if !ids.isEmpty {
            let members = ids.map { JSON.Member(key: $0.0, value: $0.1) }
            texts.append(("generation_config.json", .object(members)))
        }
        return texts
    }

    private func settings(_ length: Int) -> JSON {
        let m = file.metadata
        var members = [
            JSON.Member(key: "tokenizer_class", value: .string("PreTrainedTokenizerFast")),
            .init(key: "clean_up_tokenization_spaces", value: .bool(false)),
            .init(key: "model_max_length", value: .integer(length)),
        ]
        let tokens = m["tokenizer.ggml.tokens"]?.array ?? []
        for (own, name) in [
            ("bos", "bos"), ("eos", "eos"), ("unknown", "unk"), ("padding", "pad"), ("cls", "cls"),
            ("seperator", "sep"), ("mask", "mask"),
        ] {
            guard let id = m["tokenizer.ggml.\(own)_token_id"]?.int, tokens.indices.contains(id),
                let text = tokens[id].string
            else { continue }
            members.append(.init(key: "\(name)_token", value: .string(text)))
        }
        if let template = m["tokenizer.chat_template"]?.string {
            members.append(.init(key: "chat_template", value: .string(template)))
        }
        return .object(members)
    }
}
