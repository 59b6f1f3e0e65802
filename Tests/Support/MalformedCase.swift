import Files
import Tensors
import Text
import Transformers

/// Runs a case of the folder `gguf/malformed`: a file that must be refused, or one that must open.
func runMalformed(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let entry = test.entry
    guard let path = entry["path"]?.string, let expected = entry["expect"]?.string else {
        return .failed("the entry has no path, or does not say what to expect")
    }
    guard let openers = openers(entry["kind"]?.string ?? "") else { return .skipped }
    for open in openers {
        let problem = refusal { try open("\(test.folder)/\(path)", device) }
        if expected == "refuse" && problem == nil { return .failed("was not refused") }
        if expected == "accept", let problem { return .failed("was refused: \(problem)") }
    }
    return .passed
}

private typealias Opener = (_ path: String, _ device: Device) throws -> Void

/// What opens files of a kind; nil for kinds that are not known.
private func openers(_ kind: String) -> [Opener]? {
    switch kind {
    case "gguf": [openGGUF]
    case "safetensors": [openSafetensors]
    case "tokenizer": [openTokenizer]
    case "gguf_model", "directory": [openModel]
    case "pickle": [openGGUF, openSafetensors, openTokenizer, openModel]
    default: nil
    }
}

private func refusal(_ body: () throws -> Void) -> String? {
    do { try body() } catch { return "\(error)" }
    return nil
}

private func openGGUF(_ path: String, _ device: Device) throws {
    let file = try GGUFFile(path: path)
    for tensor in file.tensors { _ = try file.tensor(tensor.name, on: device) }
}

private func openSafetensors(_ path: String, _ device: Device) throws {
    let file = try SafetensorsFile(path: path)
    for entry in file.entries where !entry.type.hasPrefix("F8") {
        _ = try file.tensor(entry.name, on: device)
    }
}

private func openModel(_ path: String, _ device: Device) throws {
    do {
        _ = try LoadedModel.load(path, on: device)
    } catch {
        let lines = "\(error)".split(separator: "\n").count
        precondition(lines == 1, "an error of \(lines) lines")
        throw error
    }
}

private func openTokenizer(_ path: String, _ device: Device) throws {
    _ = try Tokenizer(path: path)
}
