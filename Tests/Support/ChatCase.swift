import Files
import Text

/// Runs a template of the folder `chat` with all its conversations.
func runChat(_ test: ConformanceCase) throws -> Verdict {
    guard test.entry["file"] != nil else { return try runPrograms(test.folder) }
    let folder =
        test.entry["root"]?.string == "shared"
        ? try sharedFolder(test.folder) + "/chat" : test.folder
    let file = "\(folder)/templates/\(test.entry["file"]?.string ?? "")"
    let template = try ChatTemplate(String(decoding: readFile(file), as: UTF8.self))
    for row in try rows("\(test.folder)/expected.json") where row["template"]?.string == test.name {
        let rendered = Result { try template.render(row["variables"]?.members ?? []) }
        if let problem = difference(rendered, row) {
            return .failed("\(row["chat"]?.string ?? ""): \(problem)")
        }
    }
    return .passed
}

/// Runs the small programs beside a folder's templates.
private func runPrograms(_ folder: String) throws -> Verdict {
    for row in try rows("\(folder)/jinja.json") {
        let source = row["template"]?.string ?? ""
        let rendered = Result {
            try ChatTemplate(source).render(row["variables"]?.members ?? [])
        }
        if let problem = difference(rendered, row) {
            return .failed("\(JSON.string(source).text): \(problem)")
        }
    }
    return .passed
}

private func rows(_ path: String) throws -> [JSON] {
    try JSON(parsing: readFile(path), path: path).array ?? []
}

private func difference(_ rendered: Result<String, any Error>, _ row: JSON) -> String? {
    switch rendered {
    case .failure(let error):
        return row["error"]?.bool == true ? nil : "refused: \(error)"
    case .success(let text):
        guard let expected = row["text"]?.string else {
            return "must be refused, but gives \(JSON.string(text).text)"
        }
        if text.utf8.elementsEqual(expected.utf8) { return nil }
        return "gives \(JSON.string(text).text), expected \(JSON.string(expected).text)"
    }
}
