import Files
import Networks
import Tensors
import Text

extension LoadedModel {
    /// From the files of a repository on the Hugging Face hub.
    init(folder: String, _ checkpoint: Checkpoint, on device: Device) throws {
        let fields = try LoadedModel.fields("\(folder)/config.json")
        let configuration = try DecoderConfiguration(config: fields)
        (model, store) = try LoadedModel.network(
            checkpoint.renamed { $0.hubName(configuration.names) }, configuration, on: device)
        tokenizer = try LoadedModel.tokenizer(folder)
        try LoadedModel.check(tokenizer, configuration, folder)
        let settings = try LoadedModel.optionalFields("\(folder)/tokenizer_config.json")
        chatTemplate = try LoadedModel.chatTemplate(folder, settings)
        let generation = try LoadedModel.optionalFields("\(folder)/generation_config.json")
        endTokens = Set([generation, fields].compactMap { $0 }.flatMap(LoadedModel.endTokens))
            .filter { (0..<configuration.vocabulary).contains($0) }.sorted()
        name = folder.split(separator: "/").last.map(String.init) ?? folder
        description = store.described(fields["model_type"]?.string ?? "")
    }

    /// The decoder with a checkpoint's weights.
    static func network(
        _ checkpoint: Checkpoint, _ c: DecoderConfiguration, on device: Device
    ) throws -> (Decoder, ParameterStore) {
        // A layer has several tensors, and so has an expert: more of them cannot be in the file.
        let experts = c.experts?.count ?? 1
        guard c.layers * experts <= checkpoint.names.count else {
            throw FileError(
                checkpoint.origin,
                "\(checkpoint.names.count) tensors cannot make \(c.layers) layers"
                    + (experts > 1 ? " of \(experts) experts" : ""))
        }
        return try ParameterStore.load(
            checkpoint, on: device,
            ignoring: { $0.isConstant || c.isTied && $0.hasPrefix("\(c.names.head).") }
        ) { Decoder($0, c) }
    }

    private static func fields(_ path: String) throws(FileError) -> ConfigFields {
        let json = try JSON(parsing: readFile(path), path: path)
        guard json.members != nil else { throw FileError(path, "is no JSON object") }
        return ConfigFields(json: json, path: path)
    }

    private static func optionalFields(_ path: String) throws(FileError) -> ConfigFields? {
        exists(path) ? try fields(path) : nil
    }

    private static func tokenizer(_ folder: String) throws(FileError) -> Tokenizer? {
        let names = ["tokenizer.json", "tokenizer.model", "spiece.model", "merges.txt"]
        guard names.contains(where: { exists("\(folder)/\($0)") }) else { return nil }
        return try Tokenizer(path: folder)
    }

    /// From a file of its own, or among the tokenizer's settings, which may hold several by name.
    private static func chatTemplate(_ folder: String, _ settings: ConfigFields?) throws
        -> ChatTemplate?
    {
        let path = "\(folder)/chat_template.jinja"
        if exists(path) {
            return try ChatTemplate(String(decoding: readFile(path), as: UTF8.self))
        }
        let found = settings?["chat_template"]
        let list = found?.array ?? []
        let usual = list.first { $0["name"]?.string == "default" } ?? list.first
        guard let source = found?.string ?? usual?["template"]?.string else { return nil }
        return try ChatTemplate(source)
    }

    /// A token without a row of the embedding could not be used.
    static func check(_ tokenizer: Tokenizer?, _ c: DecoderConfiguration, _ path: String)
        throws(FileError)
    {
        guard let tokenizer, tokenizer.count > c.vocabulary else { return }
        throw FileError(path, "\(tokenizer.count) tokens for a model that knows \(c.vocabulary)")
    }

    private static func endTokens(_ fields: ConfigFields) -> [Int] {
        guard let value = fields["eos_token_id"] else { return [] }
        return value.ints ?? value.int.map { [$0] } ?? []
    }
}

extension String {
    /// Whether a checkpoint's tensor is a constant that models need not read.
    fileprivate var isConstant: Bool {
        [
            ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias",
            "inv_freq",
        ]
        .contains { hasSuffix($0) }
    }

    /// Without or with the leading part that some repositories leave out.
    fileprivate func hubName(_ names: DecoderNames) -> String {
        let prefix = names.layers.prefix { $0 != "." } + "."
        return hasPrefix(prefix) || hasPrefix("\(names.head).") ? self : prefix + self
    }
}
