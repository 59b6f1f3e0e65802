import Files
import Tensors
import Text
import Transformers

/// A parser that reads bytes from anywhere.
enum FuzzTarget: String, CaseIterable {
    case gguf, model, safetensors, tokenizer, template, sentencepiece, imatrix, json

    init?(_ name: String) { self.init(rawValue: name) }

    /// Reads bytes and uses what came of them. Errors are a good answer.
    func read(_ bytes: [UInt8]) {
        switch self {
        case .gguf: readGGUF(bytes)
        case .model:
            guard let file = try? GGUFFile(bytes, path: "fuzz") else { return }
            try? checkModel(file)
        case .safetensors: readSafetensors(bytes)
        case .tokenizer:
            guard let json = try? JSON(parsing: bytes, path: "fuzz") else { return }
            use(try? Tokenizer(json: json, path: "fuzz"))
        case .template: render(String(decoding: bytes, as: UTF8.self))
        case .sentencepiece: use(try? Tokenizer(sentencePiece: bytes, path: "fuzz"))
        case .imatrix: _ = try? ImportanceMatrix(bytes, path: "fuzz")
        case .json:
            guard let json = try? JSON(parsing: bytes, path: "fuzz") else { return }
            _ = try? JSON(parsing: Array(json.text.utf8), path: "fuzz")
        }
    }

    private func readGGUF(_ bytes: [UInt8]) {
        guard let file = try? GGUFFile(bytes, path: "fuzz") else { return }
        for tensor in file.tensors where tensor.count < 1 << 16 {
            _ = try? file.tensor(tensor.name, on: .cpu)
            _ = try? file.quantized(tensor.name, part: 0, on: .cpu)
            _ = try? file.matrix(tensor.name, rows: 0..<1, on: .cpu)
        }
        use(try? Tokenizer(gguf: file.metadata, path: "fuzz"))
    }

    private func readSafetensors(_ bytes: [UInt8]) {
        guard let file = try? SafetensorsFile(bytes, path: "fuzz") else { return }
        for entry in file.entries { _ = try? file.tensor(entry.name, on: .cpu) }
    }

    private func use(_ tokenizer: Tokenizer?) {
        guard let tokenizer else { return }
        let ids = tokenizer.encode("Hello, wörld! 12345\n  <s>ab<|x|>")
        _ = tokenizer.decode(ids)
        _ = tokenizer.decode([0, 1, tokenizer.count, -1, Int.max])
    }

    private func render(_ source: String) {
        guard let template = try? ChatTemplate(source) else { return }
        let message = { (role: String, text: String) in
            JSON.object([
                .init(key: "role", value: .string(role)),
                .init(key: "content", value: .string(text)),
            ])
        }
        let talk = [
            message("system", "Be kind."), message("user", "Hi"), message("assistant", "?"),
        ]
        let marks = ["bos_token", "eos_token"].map { JSON.Member(key: $0, value: .string("<s>")) }
        _ = try? template.prompt(talk, variables: marks)
    }
}
