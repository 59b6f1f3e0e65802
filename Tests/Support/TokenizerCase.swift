import Files
import Text

/// Runs a case of the folder `tokenizers`: every text through a vocabulary and back.
func runTokenizer(_ test: ConformanceCase) throws -> Verdict {
    guard let name = test.entry["expected"]?.string else {
        return .failed("the entry names no expected results")
    }
    let path = "\(test.folder)/\(name)"
    let expected = try JSON(parsing: readFile(path), path: path)
    let tokenizer = try tokenizer(of: test)
    for (i, row) in (expected["cases"]?.array ?? []).enumerated() {
        guard let text = row["text"]?.string else { return .failed("case \(i) has no text") }
        if let problem = difference(tokenizer, text, row, format: test.entry["format"]?.string) {
            return .failed("\(JSON.string(text).text): \(problem)")
        }
    }
    for (i, row) in (expected["partial"]?.array ?? []).enumerated() {
        let text = tokenizer.decode(row["ids"]?.ints ?? [])
        if let problem = different("decoded", text, row) {
            return .failed("partial \(i): \(problem)")
        }
    }
    return .passed
}

private func difference(_ tokenizer: Tokenizer, _ text: String, _ row: JSON, format: String?)
    -> String?
{
    let isOwn = format == "tokenizer.json" || format == "clip"
    let plain = tokenizer.encode(text, addsMarks: false, findsSpecial: isOwn)
    let marked = tokenizer.encode(text)
    if let problem = different("ids", plain, row) ?? different("special_ids", marked, row) {
        return problem
    }
    if row["padded_ids"] != nil {
        let padded = tokenizer.encode(text, length: 77)
        if let problem = different("padded_ids", padded, row) { return problem }
    }
    let ids = row["special_ids"] == nil || format == "clip" ? plain : marked
    return different("decoded", tokenizer.decode(ids), row)
        ?? different("plain", tokenizer.decode(ids, keepsMarks: false), row)
}

private func different(_ key: String, _ actual: [Int], _ row: JSON) -> String? {
    guard let expected = row[key]?.ints, expected != actual else { return nil }
    return "\(key) are \(actual), expected \(expected)"
}

/// Texts are compared byte by byte: `==` takes texts for equal that are written differently.
private func different(_ key: String, _ actual: String, _ row: JSON) -> String? {
    guard let expected = row[key]?.string, !expected.utf8.elementsEqual(actual.utf8) else {
        return nil
    }
    return "\(key) is \(JSON.string(actual).text), expected \(JSON.string(expected).text)"
}

private func tokenizer(of test: ConformanceCase) throws -> Tokenizer {
    let entry = test.entry
    let root = entry["root"]?.string == "shared" ? try sharedFolder(test.folder) : test.folder
    let path = "\(root)/\(entry["path"]?.string ?? "")"
    switch entry["format"]?.string {
    case "tokenizer.json":
        guard let other = entry["vocab_from"]?.string else { return try Tokenizer(path: path) }
        let file = "\(path)/tokenizer_without_vocab.json"
        let from = "\(root)/\(other)/tokenizer.json"
        let (settings, vocabulary) = (
            try JSON(parsing: readFile(file), path: file),
            try JSON(parsing: readFile(from), path: from)
        )
        return try Tokenizer(json: joined(settings, vocabulary), path: file)
    case "tiktoken":
        let marks = (entry["special"]?.members ?? []).map { ($0.key, $0.value.int ?? 0) }
        return try Tokenizer(
            tiktoken: readFile(path), pattern: entry["pattern"]?.string ?? "",
            marks: marks.map { (content: $0.0, id: $0.1) }, path: path)
    default: return try Tokenizer(path: path)
    }
}

/// The settings of one file with the vocabulary and merges of another.
private func joined(_ settings: JSON, _ vocabulary: JSON) -> JSON {
    let model = (settings["model"]?.members ?? []).map { member in
        ["vocab", "merges"].contains(member.key)
            ? JSON.Member(key: member.key, value: vocabulary["model"]?[member.key] ?? .null)
            : member
    }
    return .object(
        (settings.members ?? []).map {
            $0.key == "model" ? JSON.Member(key: "model", value: .object(model)) : $0
        })
}

/// The folder of shared vocabularies, looked for from a case's folder and the working folder upwards.
func sharedFolder(_ folder: String) throws -> String {
    var places: [String] = []
    for start in [folder, "."] {
        var up = start
        for _ in 0..<8 {
            places += ["\(up)/shared/conformance/tokenizers", "\(up)/conformance/tokenizers"]
            up += "/.."
        }
    }
    guard let found = places.first(where: { isFolder($0) }) else {
        throw FileError(folder, "the shared vocabularies are nowhere above")
    }
    return found
}
