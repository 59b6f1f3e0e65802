import Files
import Networks
import Tensors
import Text

extension ModelOutline {
    /// From the files of a repository on the Hugging Face hub.
    init(folder: String, _ checkpoint: Checkpoint) throws {
        let fields = try ConfigFields(folder: folder)
        configuration = try DecoderConfiguration(config: fields)
        let names = configuration.names
        self.checkpoint = checkpoint.renamed { $0.hubName(names) }
        tokenizer = try ModelOutline.tokenizer(folder)
        let settings = try ModelOutline.optionalFields("\(folder)/tokenizer_config.json")
        chatTemplate = try ModelOutline.chatTemplate(folder, settings)
        let generation = try ModelOutline.optionalFields("\(folder)/generation_config.json")
        endTokens = [generation, fields].compactMap { $0 }.flatMap(ModelOutline.endTokens)
        name = folder.split(separator: "/").last.map(String.init) ?? folder
        architecture = fields["model_type"]?.string ?? ""
        try check(folder)
    }

    private static func optionalFields(_ path: String) throws(FileError) -> ConfigFields? {
        exists(path) ? try ConfigFields(path: path) : nil
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

    private static func endTokens(_ fields: ConfigFields) -> [Int] {
        guard let value = fields["eos_token_id"] else { return [] }
        return value.ints ?? value.int.map { [$0] } ?? []
    }
}

extension String {
    /// Without or with the leading part that some repositories leave out.
    fileprivate func hubName(_ names: DecoderNames) -> String {
        let prefix = names.layers.prefix { $0 != "." } + "."
        return hasPrefix(prefix) || hasPrefix("\(names.head).") ? self : prefix + self
    }
}
