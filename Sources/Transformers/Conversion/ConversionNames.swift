import Files

/// What a family's tensors are called in Hugging Face folders and in GGUF files.
struct ConversionNames {
    private let names: DecoderNames
    /// By the folder's path, without the number of the layer.
    private var outer: [String: String] = [:]
    private var layer: [String: String] = [:]
    private var expert: [String: String] = [:]

    init(_ c: DecoderConfiguration) {
        names = c.names
        for (gguf, path) in DecoderNames.outerPaths { outer[c.names[keyPath: path]] = gguf }
        for (gguf, path) in DecoderNames.layerPaths {
            if gguf.hasPrefix("post_") && !c.normsResults { continue }
            let own = gguf == "ffn_up" && c.isGated && c.joinsGate ? c.names.gateUp : nil
            layer[own ?? c.names[keyPath: path]] = gguf
        }
        for (gguf, path) in DecoderNames.expertPaths { expert[c.names[keyPath: path]] = gguf }
    }

    /// Where a tensor stands in a GGUF file.
    struct Place: Hashable {
        /// "token_embd", or "attn_q" of a layer.
        let part: String
        var layer: Int?
        var expert: Int?
        /// "weight" or "bias".
        let kind: String

        var name: String { (layer.map { "blk.\($0)." } ?? "") + "\(part).\(kind)" }
    }

    /// The place of a folder's tensor; nil for names that the family does not have.
    func place(_ hub: String) -> Place? {
        let root = names.layers.prefix { $0 != "." } + "."
        let full = hub.hasPrefix(root) || hub.hasPrefix("\(names.head).") ? hub : root + hub
        guard let dot = full.lastIndex(of: ".") else { return nil }
        let (path, kind) = (String(full[..<dot]), String(full[full.index(after: dot)...]))
        guard kind == "weight" || kind == "bias" else { return nil }
        if let part = outer[path], !path.isEmpty { return Place(part: part, kind: kind) }
        guard path.hasPrefix("\(names.layers).") else { return nil }
        let rest = path.dropFirst(names.layers.count + 1)
        guard let number = Int(rest.prefix { $0 != "." }) else { return nil }
        let own = String(rest.drop { $0 != "." }.dropFirst())
        if let part = layer[own] { return Place(part: part, layer: number, kind: kind) }
        guard own.hasPrefix("\(names.experts).") else { return nil }
        let words = own.dropFirst(names.experts.count + 1).split(separator: ".", maxSplits: 1)
        guard words.count == 2, let index = Int(words[0]), let part = expert[String(words[1])]
        else { return nil }
        return Place(part: part, layer: number, expert: index, kind: kind)
    }

    /// The folder's names of a GGUF file's tensor: one, or one for each expert.
    func hub(_ gguf: String, experts: Int) -> [String] {
        let words = gguf.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if words.count == 2, let path = outer.first(where: { $0.value == words[0] })?.key {
            return ["\(path).\(words[1])"]
        }
        guard words.count == 4, words[0] == "blk", let number = Int(words[1]) else { return [] }
        let root = "\(names.layers).\(number)"
        if let path = layer.first(where: { $0.value == words[2] })?.key {
            return ["\(root).\(path).\(words[3])"]
        }
        guard let path = expert.first(where: { $0.value == words[2] })?.key else { return [] }
        return (0..<experts).map { "\(root).\(names.experts).\($0).\(path).\(words[3])" }
    }

    /// Constants that some folders hold beside the weights.
    static func isConstant(_ hub: String) -> Bool {
        [
            ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias",
            "inv_freq",
        ]
        .contains { hub.hasSuffix($0) }
    }
}
