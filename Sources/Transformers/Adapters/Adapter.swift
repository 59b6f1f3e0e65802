public import Files
import Tensors

/// A LoRA adapter in peft's layout: a folder with `adapter_config.json` and `adapter_model.safetensors`. It holds additions
/// of low rank to linear maps of a model, and weights that replace the model's own.
public struct Adapter: Sendable {
    public let path: String
    /// By a linear map's path, "model.layers.0.self_attn.q_proj".
    let maps: [String: Map]
    /// By name, as files lay them out.
    let saved: [String: Tensor]

    /// scale · up · down, to be added to a weight (outputs, inputs).
    struct Map: Sendable {
        /// (rank, inputs)
        var down: Tensor
        /// (outputs, rank)
        var up: Tensor
        var scale: Float
    }

    public init(folder: String) throws(FileError) {
        let settings = try AdapterSettings(folder: folder)
        let file = try SafetensorsFile(path: "\(folder)/adapter_model.safetensors")
        var parts: [String: [String: Tensor]] = [:]
        var saved: [String: Tensor] = [:]
        for entry in file.entries {
            let name = Adapter.plainName(entry.name)
            let tensor = try file.tensor(entry.name, on: .cpu)
            if let (map, part) = Adapter.part(name) {
                parts[map, default: [:]][part] = tensor
            } else if name.contains("lora_") {
                throw FileError(file.path, "\(entry.name): additions of this kind are not known")
            } else if !name.contains(".original_module.") {
                saved[name] = tensor
            }
        }
        var maps: [String: Map] = [:]
        for (map, pair) in parts {
            guard let down = pair["A"], let up = pair["B"], down.rank == 2, up.rank == 2,
                down.shape[0] > 0, down.shape[0] == up.shape[1]
            else { throw FileError(file.path, "\(map): lora_A and lora_B do not make a map") }
            let scale = settings.scale(of: map, rank: down.shape[0])
            maps[map] = Map(down: down.cast(to: .f32), up: up.cast(to: .f32), scale: scale)
        }
        (path, self.maps, self.saved) = (folder, maps, saved)
    }

    /// An adapter and how strong it is to be, from "FOLDER" or "FOLDER:0.5".
    public static func load(_ text: String) throws(FileError) -> (adapter: Adapter, strength: Float)
    {
        if let colon = text.lastIndex(of: ":"), !exists(text),
            let strength = Float(text[text.index(after: colon)...]), strength.isFinite
        {
            return (try Adapter(folder: String(text[..<colon])), strength)
        }
        return (try Adapter(folder: text), 1)
    }

    /// The model's own name for a tensor of the file.
    private static func plainName(_ name: String) -> String {
        let start = "base_model.model."
        let rest = name.hasPrefix(start) ? String(name.dropFirst(start.count)) : name
        let steps = rest.split(separator: ".", omittingEmptySubsequences: false)
        return steps.filter { $0 != "default" && $0 != "modules_to_save" }.joined(separator: ".")
    }

    /// "MAP.lora_A.weight" in its parts.
    private static func part(_ name: String) -> (map: String, part: String)? {
        for part in ["A", "B"] {
            let end = ".lora_\(part).weight"
            if name.hasSuffix(end) { return (String(name.dropLast(end.count)), part) }
        }
        return nil
    }
}

/// What an `adapter_config.json` says about the scale of additions. Which maps have one, and of which rank, the tensors tell.
private struct AdapterSettings {
    let alpha: Float
    /// Instead of `alpha`, for maps that end so.
    let alphas: [(ending: String, alpha: Float)]
    /// Divide by the rank's root instead of the rank.
    let isStabilised: Bool

    init(folder: String) throws(FileError) {
        let path = "\(folder)/adapter_config.json"
        let json = try JSON(parsing: readFile(path), path: path)
        guard json["peft_type"]?.string == "LORA" else {
            throw FileError(
                path, "peft_type is \(json["peft_type"]?.text ?? "missing"), but only LORA is known"
            )
        }
        for key in ["use_dora", "use_qalora", "use_bdlora"] where json[key]?.bool == true {
            throw FileError(path, "\(key) is not known")
        }
        guard let alpha = json["lora_alpha"]?.double, alpha.isFinite else {
            throw FileError(path, "lora_alpha is missing or no number")
        }
        self.alpha = Float(alpha)
        var alphas: [(ending: String, alpha: Float)] = []
        for member in json["alpha_pattern"]?.members ?? [] {
            guard let value = member.value.double, value.isFinite,
                member.key.utf8.allSatisfy({ $0.isPlain })
            else { throw FileError(path, "alpha_pattern: \(member.key) is not understood") }
            alphas.append((member.key, Float(value)))
        }
        self.alphas = alphas
        isStabilised = json["use_rslora"]?.bool == true
    }

    func scale(of map: String, rank: Int) -> Float {
        let own =
            alphas.first { map == $0.ending || map.hasSuffix(".\($0.ending)") }?.alpha ?? alpha
        return own / (isStabilised ? Float(rank).squareRoot() : Float(rank))
    }
}

extension UInt8 {
    /// Of names; patterns have other characters too.
    fileprivate var isPlain: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
