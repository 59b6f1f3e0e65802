public import Files
public import Tensors

extension ConformanceCase {
    /// The families that the engine has; cases of the others are skipped and counted.
    public func run(on device: Device) -> Verdict {
        do {
            switch family {
            case "ops": return try runOp(self, on: device)
            case "blocks": return try runBlock(self, on: device)
            case "tokenizers": return try runTokenizer(self)
            case "chat": return try runChat(self)
            case "optim": return try runOptim(self, on: device)
            case "train": return try runTrain(self, on: device)
            case "malformed": return try runMalformed(self, on: device)
            case "schedulers": return try runScheduler(self, on: device)
            case "models" where entry["arch"] != nil: return try runGGUFModel(self, on: device)
            case "adapters": return try runAdapter(self, on: device)
            case "models", "real": return try runModel(on: device)
            default: return .skipped
            }
        } catch {
            return .failed("\(error)")
        }
    }

    /// The kinds of models that the engine has.
    private func runModel(on device: Device) throws -> Verdict {
        switch entry["kind"]?.string {
        case "causal": return try runCausal(self, on: device)
        case "encoder": return try runEncoder(self, on: device)
        case "t5": return try runT5(self, on: device)
        case "logits_processors": return try runLogits(self)
        case "stories260k": return try runStories(self, on: device)
        case "smollm2": return try runSmolLM(self, on: device)
        case "minilm": return try runMiniLM(self, on: device)
        default: return .skipped
        }
    }

    /// The name of the folder that holds the manifest, whatever lies above it.
    private var family: String {
        if entry["type_id"] != nil && entry["block"] != nil { return "blocks" }
        let name = folder.split(separator: "/").last.map(String.init) ?? ""
        let later = [
            "optim", "train", "schedulers", "models", "adapters", "pipelines", "tokenizers", "chat",
            "gguf", "malformed",
            "real",
        ]
        return later.contains(name) || folder.contains("/gguf/models") ? name : "ops"
    }
}

/// All manifests below a folder, in order.
public func manifests(below folder: String) throws(FileError) -> [String] {
    try filesBelow(folder).filter { $0.hasSuffix("/manifest.json") }
}
