import Files
import Networks
import Tensors
import Transformers

/// Runs a case of the kind `encoder`: a BERT's or RoBERTa's states of padded texts, and what its heads make of them.
func runEncoder(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let folder = "\(test.folder)/\(test.entry["dir"]?.string ?? "")"
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let encoder = try LoadedBERT(folder: folder, on: device)
    let padded = try PaddedTexts(file)
    let types = try file.contains("in.token_type_ids") ? padded.rows("token_type_ids") : nil
    var outputs: [String: Tensor] = [:]
    let texts = PackedTexts(padded.texts)
    noGrad {
        var layer = 0
        let states = encoder.model(texts, types: types) {
            outputs["hidden.\(layer)"] = padded.spread($0)
            layer += 1
        }
        outputs["last_hidden_state"] = padded.spread(states)
        let mean = Pooling.mean(states, of: texts)
        outputs["mean_pooled"] = mean
        outputs["embedding"] = mean.normalizedRows()
        if let pooler = encoder.pooler { outputs["pooler_output"] = pooler(states, of: texts) }
        if let head = encoder.maskedTokens {
            outputs["logits"] = padded.spread(head(states, encoder.model))
        }
        if let classifier = encoder.classifier {
            let logits = classifier(states, of: texts, pooler: encoder.pooler)
            outputs["logits"] = classifier.subject == .tokens ? padded.spread(logits) : logits
        }
    }
    return try compare(outputs, with: file, of: test)
}

/// Rows of ids that are padded on the right, as cases have them.
struct PaddedTexts {
    let file: SafetensorsFile
    let width: Int
    /// The ids of each row that are no padding.
    let texts: [[Int]]
    private let lengths: [Int]

    init(_ file: SafetensorsFile, ids: String = "input_ids") throws {
        self.file = file
        let mask = try file.tensor("in.attention_mask", on: .cpu)
        width = mask.shape[1]
        lengths = mask.sum(axes: [1]).cast(to: .i32).scalars(as: Int32.self).map(Int.init)
        texts = try PaddedTexts.rows(ids, file, lengths)
    }

    func rows(_ name: String) throws -> [[Int]] { try PaddedTexts.rows(name, file, lengths) }

    private static func rows(_ name: String, _ file: SafetensorsFile, _ lengths: [Int]) throws
        -> [[Int]]
    {
        let ids = try file.tensor("in.\(name)", on: .cpu)
        let all = ids.scalars(as: Int32.self).map(Int.init)
        return lengths.enumerated().map { Array(all[$0 * ids.shape[1]..<$0 * ids.shape[1] + $1]) }
    }

    /// Rows (N, C) of the texts' tokens in their places: (B, T, C), 0 where there is padding.
    func spread(_ x: Tensor) -> Tensor {
        var start = 0
        let rows = lengths.map { length in
            let own = x.narrowed(0, start: start, count: length)
            start += length
            let padding = Tensor.zeros([width - length, x.shape[1]], on: x.device)
            return length == width ? own : Tensor.concatenated([own, padding])
        }
        return Tensor.stacked(rows)
    }
}
