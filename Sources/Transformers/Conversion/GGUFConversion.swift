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
    let conversion = try GGUFConversion(GGUFFile(path: path), dtype)
    let targets = try conversion.targets()
    let texts = try conversion.texts()
    guard mkdir(folder, 0o755) == 0 || errno == EEXIST && isFolder(folder) else {
        throw FileError(folder, "cannot be made: \(String(cString: strerror(errno)))")
    }
    for (name, json) in texts {
        try writeFile("\(folder)/\(name)", [Array(json.indented.utf8), [10]])
    }
    try writeSafetensors(
        targets.map { ($0.name, $0.dtype, $0.shape) }, metadata: ["format": "pt"],
        to: "\(folder)/model.safetensors"
    ) { place throws(FileError) in
        progress(place + 1, targets.count)
        return try conversion.tensor(targets[place])
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

    init(_ file: GGUFFile, _ dtype: DType) throws(FileError) {
        (self.file, self.dtype) = (file, dtype)
        description = try GGUFDescription(file)
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

    // MARK: descriptions

    func texts() throws -> [(name: String, json: JSON)] {
        var texts = [("config.json", configuration.hubConfig(description, dtype))]
        let m = file.metadata
        if m["tokenizer.ggml.model"]?.string != "no_vocab" {
            texts.append(("tokenizer.json", try Tokenizer.json(gguf: m, path: file.path)))
            texts.append(("tokenizer_config.json", settings))
        }
        let ids = ["bos", "eos"].compactMap { name in
            m["tokenizer.ggml.\(name)_token_id"]?.int.map {
                JSON.Member(key: "\(name)_token_id", value: .integer($0))
            }
        }
        if !ids.isEmpty { texts.append(("generation_config.json", .object(ids))) }
        return texts
    }

    private var settings: JSON {
        let m = file.metadata
        var members = [
            JSON.Member(key: "tokenizer_class", value: .string("PreTrainedTokenizerFast")),
            .init(key: "clean_up_tokenization_spaces", value: .bool(false)),
            .init(key: "model_max_length", value: .integer(configuration.context)),
        ]
        let tokens = m["tokenizer.ggml.tokens"]?.array ?? []
        for (own, name) in [
            ("bos", "bos"), ("eos", "eos"), ("unknown", "unk"), ("padding", "pad"),
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
