/// In which types a language model's matrices are stored, under the names that llama.cpp gave these choices. The rules are its
/// own: what a model suffers from most when it is rounded (the output, the values, the way down of some layers) keeps more bits.
public enum GGUFMixture: String, Sendable, CaseIterable {
    case f32 = "F32", f16 = "F16", bf16 = "BF16"
    case q4_0 = "Q4_0", q4_1 = "Q4_1", q5_0 = "Q5_0", q5_1 = "Q5_1", q8_0 = "Q8_0"
    case q2_K = "Q2_K", q2_K_S = "Q2_K_S", q3_K_S = "Q3_K_S", q3_K_M = "Q3_K_M"
    case q3_K_L = "Q3_K_L", q4_K_S = "Q4_K_S", q4_K_M = "Q4_K_M", q5_K_S = "Q5_K_S"
    case q5_K_M = "Q5_K_M", q6_K = "Q6_K", iq4_NL = "IQ4_NL", iq4_XS = "IQ4_XS"

    /// Without its size, "Q4_K" is the medium one.
    public init?(named name: String) {
        let name = name.uppercased()
        let full = ["Q3_K", "Q4_K", "Q5_K"].contains(name) ? name + "_M" : name
        guard let found = GGUFMixture(rawValue: full) else { return nil }
        self = found
    }

    /// The type of matrices that have nothing special.
    public var usual: GGUFType {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .q4_0: .q4_0
        case .q4_1: .q4_1
        case .q5_0: .q5_0
        case .q5_1: .q5_1
        case .q8_0: .q8_0
        case .q2_K, .q2_K_S: .q2_K
        case .q3_K_S, .q3_K_M, .q3_K_L: .q3_K
        case .q4_K_S, .q4_K_M: .q4_K
        case .q5_K_S, .q5_K_M: .q5_K
        case .q6_K: .q6_K
        case .iq4_NL: .iq4_NL
        case .iq4_XS: .iq4_XS
        }
    }

    /// Its number under `general.file_type`.
    public var fileType: UInt32 {
        switch self {
        case .f32: 0
        case .f16: 1
        case .q4_0: 2
        case .q4_1: 3
        case .q8_0: 7
        case .q5_0: 8
        case .q5_1: 9
        case .q2_K: 10
        case .q3_K_S: 11
        case .q3_K_M: 12
        case .q3_K_L: 13
        case .q4_K_S: 14
        case .q4_K_M: 15
        case .q5_K_S: 16
        case .q5_K_M: 17
        case .q6_K: 18
        case .q2_K_S: 21
        case .iq4_NL: 25
        case .iq4_XS: 30
        case .bf16: 32
        }
    }
}

/// Chooses the type of each tensor of one model.
struct GGUFTypeChoice {
    let mixture: GGUFMixture
    let hasImportance: Bool
    /// Whether the output has a matrix of its own, and does not share the table of tokens.
    private let hasOutput: Bool
    private let layers: Int
    private let experts: Int
    /// How many heads share a key and a value.
    private let headsPerKey: Int

    init(_ file: GGUFFile, _ mixture: GGUFMixture, hasImportance: Bool) {
        func number(_ key: String) -> Int? {
            let name = file.metadata["general.architecture"]?.string ?? ""
            let value = file.metadata["\(name).\(key)"]
            return (value?.array?.first ?? value)?.int
        }
        (self.mixture, self.hasImportance) = (mixture, hasImportance)
        hasOutput = file.contains("output.weight")
        let numbers = file.tensors.compactMap { GGUFTypeChoice.layer(of: $0.name) }
        layers = (numbers.max() ?? 0) + 1
        experts = number("expert_count") ?? 0
        let (heads, keys) = (number("attention.head_count"), number("attention.head_count_kv"))
        headsPerKey = max(1, heads ?? 1) / max(1, keys ?? heads ?? 1)
    }

    /// N of "blk.N.…".
    private static func layer(of name: String) -> Int? {
        let words = name.split(separator: ".", maxSplits: 2)
        guard words.count == 3, words[0] == "blk", let layer = Int(words[1]), layer >= 0,
            layer < 1 << 20
        else { return nil }
        return layer
    }

    /// Vectors, norms, routers and tables of positions stay as they are: nil.
    func type(of tensor: GGUFTensor) -> GGUFType? {
        let name = tensor.name
        let kept = [
            "_norm.weight", "ffn_gate_inp.weight", "position_embd", "token_types", "attn_rel_b",
        ]
        guard tensor.shape.count >= 2, name.hasSuffix("weight"), tensor.count > 0,
            !kept.contains(where: { name.contains($0) }),
            tensor.type.block.values > 1 || [.f32, .f16, .bf16, .f64].contains(tensor.type)
        else { return nil }
        let columns = tensor.shape.last ?? 1
        guard mixture.usual.block.values > 1 else { return mixture.usual }
        return fitting(preferred(name, columns), columns)
    }

    private func preferred(_ name: String, _ columns: Int) -> GGUFType {
        let usual = mixture.usual
        if name == "output.weight" || (name == "token_embd.weight" && !hasOutput) {
            return columns % 256 != 0 || usual == .q8_0 ? .q8_0 : .q6_K
        }
        let layer = GGUFTypeChoice.layer(of: name) ?? 0
        switch name.split(separator: ".").dropLast().last ?? "" {
        case "attn_v": return values(layer)
        case "attn_k" where experts == 8: return .q8_0
        case "attn_output": return attentionOutput
        case "attn_qkv": return together
        case let part where part.hasPrefix("ffn_down"): return down(layer)
        default: return usual
        }
    }

    private var isLarge: Bool { layers >= 80 && headsPerKey == 8 }

    private func values(_ layer: Int) -> GGUFType {
        if experts == 8 { return .q8_0 }
        let chosen: GGUFType =
            switch mixture {
            case .q2_K: headsPerKey >= 4 ? .q4_K : .q3_K
            case .q2_K_S: headsPerKey >= 4 ? .q4_K : .q2_K
            case .q3_K_M: layer < 2 ? .q5_K : .q4_K
            case .q3_K_L: .q5_K
            case .iq4_NL, .iq4_XS: headsPerKey >= 4 ? .q5_K : mixture.usual
            case .q4_K_M, .q5_K_M: usesMore(layer) ? .q6_K : mixture.usual
            case .q4_K_S: layer < 4 ? .q5_K : .q4_K
            default: mixture.usual
            }
        return isLarge && (chosen == .q3_K || chosen == .q4_K) ? .q5_K : chosen
    }

    private func down(_ layer: Int) -> GGUFType {
        let isEarly = layer < layers / 8
        switch mixture {
        case .q2_K: return .q3_K
        case .q2_K_S: return isEarly ? .q4_K : .q2_K
        case .q3_K_M: return layer < layers / 16 ? .q5_K : .q4_K
        case .q3_K_L: return .q5_K
        case .q4_K_M, .q5_K_M: return usesMore(layer) ? .q6_K : mixture.usual
        case .q4_K_S: return isEarly ? .q5_K : .q4_K
        case .iq4_NL, .iq4_XS: return isEarly && !hasImportance ? .q5_K : mixture.usual
        case .q4_0: return isEarly && hasImportance ? .q4_1 : .q4_0
        case .q5_0: return isEarly && hasImportance ? .q5_1 : .q5_0
        default: return mixture.usual
        }
    }

    private var attentionOutput: GGUFType {
        if experts == 8 {
            let raised: [GGUFMixture] = [
                .q2_K, .q3_K_S, .q3_K_M, .q4_K_S, .q4_K_M, .iq4_NL, .iq4_XS,
            ]
            return raised.contains(mixture) ? .q5_K : mixture.usual
        }
        switch mixture {
        case .q2_K: return .q3_K
        case .q3_K_M: return .q4_K
        case .q3_K_L: return .q5_K
        default: return mixture.usual
        }
    }

    /// Queries, keys and values in one matrix.
    private var together: GGUFType {
        switch mixture {
        case .q3_K_M, .q3_K_L: .q4_K
        case .q4_K_M: .q5_K
        case .q5_K_M: .q6_K
        default: mixture.usual
        }
    }

    /// The first and the last eighth of the layers, and every third between them.
    private func usesMore(_ layer: Int) -> Bool {
        let eighth = layers / 8
        return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2
    }

    /// The nearest type whose blocks fit in a row.
    private func fitting(_ type: GGUFType, _ columns: Int) -> GGUFType {
        if columns % type.block.values == 0 { return type }
        let smaller: GGUFType =
            switch type {
            case .q4_K: .q5_0
            case .q5_K: .q5_1
            case .q6_K: .q8_0
            case .q2_K, .q3_K: .q4_0
            default: .iq4_NL
            }
        return columns % smaller.block.values == 0 ? smaller : .f16
    }
}
