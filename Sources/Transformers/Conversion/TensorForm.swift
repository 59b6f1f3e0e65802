import Tensors

/// How a tensor of a Hugging Face folder lies in a GGUF file.
enum TensorForm: Sendable {
    case same
    /// Rows of each head: the halves that turn together lie side by side instead of apart.
    case turned(heads: Int)
    /// (in, out) instead of (out, in).
    case transposed
    /// Rows: query, key and value of each head in turn, instead of all queries, all keys, all values.
    case regrouped(heads: Int)
    /// One is added.
    case raised

    /// From the folder's order to the file's.
    func toGGUF(_ x: Tensor) -> Tensor {
        switch self {
        case .same: x
        case .turned(let heads): reordered(x, [heads, 2, -1])
        case .transposed: x.transposed().contiguous()
        case .regrouped(let heads): reordered(x, [heads, 3, -1], outer: true)
        case .raised: x.cast(to: .f32) + 1
        }
    }

    /// The reverse.
    func toHub(_ x: Tensor) -> Tensor {
        switch self {
        case .same: x
        case .turned(let heads): reordered(x, [heads, x.shape[0] / heads / 2, 2])
        case .transposed: x.transposed().contiguous()
        case .regrouped(let heads): reordered(x, [3, heads, -1], outer: true)
        case .raised: x.cast(to: .f32) - 1
        }
    }

    /// Rows seen as three axes, of which the last two change places, or the first two.
    private func reordered(_ x: Tensor, _ rows: [Int], outer: Bool = false) -> Tensor {
        let split = x.reshaped([
            rows[0], rows[1], rows[2] < 0 ? x.shape[0] / rows[0] / rows[1] : rows[2], -1,
        ])
        return split.permuted(outer ? [1, 0, 2, 3] : [0, 2, 1, 3]).reshaped(x.shape)
    }

    /// The shape in the other place.
    func shape(_ shape: [Int]) -> [Int] {
        if case .transposed = self { return shape.reversed() }
        return shape
    }
}

extension DecoderConfiguration {
    /// The form of the part of a layer that GGUF files call so ("attn_q"), or of "output_norm".
    func form(of part: String, isWeight: Bool, in architecture: String) -> TensorForm {
        switch part {
        case "attn_q" where architecture == "llama": return .turned(heads: heads)
        case "attn_k" where architecture == "llama": return .turned(heads: keyHeads)
        case "attn_qkv" where architecture == "gptneox": return .regrouped(heads: heads)
        case "attn_qkv", "attn_output", "ffn_up", "ffn_down":
            return architecture == "gpt2" && isWeight ? .transposed : .same
        default:
            return part.hasSuffix("norm") && architecture.hasPrefix("gemma") ? .raised : .same
        }
    }

    /// Whether rows fit the form, so that nothing that a file claims can go wrong later.
    func fits(_ form: TensorForm, _ shape: [Int]) -> Bool {
        switch form {
        case .same, .raised: true
        case .transposed: shape.count == 2
        case .turned(let heads): !shape.isEmpty && shape[0] % (2 * heads) == 0
        case .regrouped(let heads): !shape.isEmpty && shape[0] % (3 * heads) == 0
        }
    }
}
