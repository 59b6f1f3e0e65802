public import Files
import Tensors
import Text

/// A LoRA adapter in peft's layout: a folder with `adapter_config.json` and `adapter_model.safetensors`. It holds additions
/// of low rank to linear maps of a model, and weights that replace the model's own.
public struct Adapter: Sendable {
    public let path: String
    /// By a linear map's path, "model.layers.0.self_attn.q_proj".
    let maps: [String: Map]
    /// By name, as files lay them out.
    let saved: [String: Tensor]
    /// Those of `saved` that are not trained.
    let fixed: Set<String>

    /// scale · up · down, to be added to a weight (outputs, inputs).
    struct Map: Sendable {
        /// (rank, inputs)
        var down: Tensor
        /// (outputs, rank)
        var up: Tensor
        var scale: Float
        /// (outputs): the length of each row of the sum (DoRA); nil: as it comes out.
        var magnitude: Tensor?
    }

    public init(folder: String) throws(FileError) {
        let settings = try AdapterSettings(folder: folder)
        let file = try SafetensorsFile(path: "\(folder)/adapter_model.safetensors")
        var parts: [String: [String: Tensor]] = [:]
        var saved: [String: Tensor] = [:]
        var fixed: Set<String> = []
        for entry in file.entries {
            let name = Adapter.plainName(entry.name)
            let tensor = try file.tensor(entry.name, on: .cpu)
            if let (map, part) = Adapter.part(name) {
                parts[map, default: [:]][part] = tensor
            } else if name.contains("lora_") {
                throw FileError(file.path, "\(entry.name): additions of this kind are not known")
            } else if !name.contains(".original_module.") {
                saved[name] = tensor
                // A map's own weight is written where its vocabulary may have grown; only its addition is trained.
                if entry.name.hasSuffix(".base_layer.weight") { fixed.insert(name) }
            }
        }
        var maps: [String: Map] = [:]
        for (map, pair) in parts {
            guard let down = pair["A"], let up = pair["B"], down.rank == 2, up.rank == 2,
                down.shape[0] > 0, down.shape[0] == up.shape[1]
            else { throw FileError(file.path, "\(map): lora_A and lora_B do not make a map") }
            let magnitude = pair["magnitude"]
            guard magnitude.map({ $0.shape == [up.shape[0]] }) ?? !settings.hasMagnitudes else {
                throw FileError(file.path, "\(map): lora_magnitude_vector is missing or misshapen")
            }
            maps[map] = Map(
                down: down.cast(to: .f32), up: up.cast(to: .f32),
                scale: settings.scale(of: map, rank: down.shape[0]),
                magnitude: magnitude?.cast(to: .f32))
        }
        (path, self.maps, self.saved, self.fixed) = (folder, maps, saved, fixed)
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
        let wrappers: Set<Substring> = ["default", "modules_to_save", "base_layer"]
        return steps.filter { !wrappers.contains($0) }.joined(separator: ".")
    }

    /// "MAP.lora_A.weight" in its parts.
    private static func part(_ name: String) -> (map: String, part: String)? {
        for (end, part) in ends where name.hasSuffix(end) {
            return (String(name.dropLast(end.count)), part)
        }
        return nil
    }

    private static let ends = [
        (".lora_A.weight", "A"), (".lora_B.weight", "B"),
        (".lora_magnitude_vector.weight", "magnitude"), (".lora_magnitude_vector", "magnitude"),
    ]
}

/// What an `adapter_config.json` says about the scale of additions. Which maps have one, and of which rank, the tensors tell.
private struct AdapterSettings {
    let alpha: Float
    /// Instead of `alpha`, for maps whose paths end so.
    let alphas: [(pattern: Pattern, alpha: Float)]
    /// Divide by the rank's root instead of the rank.
    let isStabilised: Bool
    /// Every map has one.
    let hasMagnitudes: Bool

    init(folder: String) throws(FileError) {
        let path = "\(folder)/adapter_config.json"
        let json = try JSON(parsing: readFile(path), path: path)
        guard json["peft_type"]?.string == "LORA" else {
            throw FileError(
                path, "peft_type is \(json["peft_type"]?.text ?? "missing"), but only LORA is known"
            )
        }
        for key in ["use_qalora", "use_bdlora"] where json[key]?.bool == true {
            throw FileError(path, "\(key) is not known")
        }
        guard let alpha = json["lora_alpha"]?.double, alpha.isFinite else {
            throw FileError(path, "lora_alpha is missing or no number")
        }
        self.alpha = Float(alpha)
        var alphas: [(pattern: Pattern, alpha: Float)] = []
        for member in json["alpha_pattern"]?.members ?? [] {
            guard let value = member.value.double, value.isFinite else {
                throw FileError(path, "alpha_pattern: \(member.key) has no number")
            }
            let pattern = try Pattern("^(?:.*\\.)?(?:\(member.key))$", path: path)
            alphas.append((pattern, Float(value)))
        }
        self.alphas = alphas
        isStabilised = json["use_rslora"]?.bool == true
        hasMagnitudes = json["use_dora"]?.bool == true
    }

    func scale(of map: String, rank: Int) -> Float {
        let own =
            alphas.first { !$0.pattern.matches(in: Array(map.utf8)).isEmpty }?.alpha ?? alpha
        return own / (isStabilised ? Float(rank).squareRoot() : Float(rank))
    }
}
