import Benchmarking
import Files
import Glibc
import Text
import Transformers

/// `apus inspect`: what a model's file or folder holds, without loading the model.
enum InspectCommand: Command {
    static let name = "inspect"
    static let summary = "Show what a model's file or folder holds."
    static let usage = "FILE|FOLDER [--json] [--all]"
    static let flags = [
        Flag("json", nil, "as JSON on the standard output"),
        Flag("all", nil, "long lists of the metadata in full"),
    ]
    static let notes = """
        Reads .gguf, .safetensors, tokenizer.json and Hugging Face folders. Nothing in a file is ever run: pickled weights
        (.pt, .bin, .ckpt) are refused.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.count == 1 else {
            throw BenchmarkError.usage("inspect needs one file or folder")
        }
        let path = arguments.words[0]
        let contents = try ModelContents(path: path)
        try checkModel(path)
        if arguments.has("json") {
            print(contents.json.indented)
        } else {
            print(contents.text(inFull: arguments.has("all")), terminator: "")
        }
        return 0
    }
}

/// What `inspect` found.
struct ModelContents {
    struct Entry {
        let name: String
        let type: String
        let shape: [Int]
        /// Where it begins, counted as the file counts, and in which file of a folder.
        let offset: Int
        let bytes: Int
        var file: String?

        var count: Int { shape.reduce(1, *) }
    }

    let path: String
    let format: String
    var metadata: [(key: String, value: JSON)] = []
    var entries: [Entry] = []

    init(path: String) throws {
        self.path = path
        if isFolder(path) {
            format = "Hugging Face folder"
            try readFolder()
        } else if try GGUFFile.isOne(path) || path.hasSuffix(".gguf") {
            let file = try GGUFFile(path: path)
            format = "GGUF version \(file.metadata.version)"
            for key in file.metadata.keys {
                if let value = file.metadata[key] { metadata.append((key, JSON(value))) }
            }
            entries = file.tensors.map {
                Entry(
                    name: $0.name, type: $0.type.name, shape: $0.shape, offset: $0.offset,
                    bytes: $0.byteCount)
            }
        } else if path.hasSuffix(".json") {
            format = "tokenizer.json"
            metadata = [("tokens", .integer(try Tokenizer(path: path).count))]
        } else {
            try ModelContents.refusePickle(path)
            format = "safetensors"
            try add(SafetensorsFile(path: path), inFolder: false)
        }
    }

    /// Pickles and the archives round them begin so.
    private static func refusePickle(_ path: String) throws {
        let head = try FileMapping(path: path)
        let start = head.prefix(2)
        if start == [0x80, 2] || start == [0x80, 3] || start == [0x80, 4] || start == [0x80, 5]
            || start == Array("PK".utf8)
            || [".pt", ".pth", ".bin", ".ckpt", ".pkl"].contains(where: { path.hasSuffix($0) })
        {
            throw FileError(path, "is a pickle, which can run code: use .safetensors or .gguf")
        }
    }

    private mutating func add(_ file: SafetensorsFile, inFolder: Bool) {
        let name = inFolder ? file.path.split(separator: "/").last.map(String.init) : nil
        for (key, value) in file.metadata.sorted(by: { $0.key < $1.key }) {
            metadata.append((key, .string(value)))
        }
        entries += file.entries.map {
            Entry(
                name: $0.name, type: $0.type, shape: $0.shape, offset: $0.range.lowerBound,
                bytes: $0.range.count, file: name)
        }
    }

    private mutating func readFolder() throws {
        let config = "\(path)/config.json"
        let json = try JSON(parsing: readFile(config), path: config)
        guard let members = json.members else { throw FileError(config, "is no JSON object") }
        metadata = members.map { ($0.key, $0.value) }
        let known = ["tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json"]
        if known.contains(where: { exists("\(path)/\($0)") }) {
            metadata.append(("tokenizer", .string("\(try Tokenizer(path: path).count) tokens")))
        }
        for file in try SafetensorsFolder(path: path).files { add(file, inFolder: true) }
    }
}

extension ModelContents {
    /// For programs.
    var json: JSON {
        let tensors = entries.map { entry in
            JSON.object(
                [
                    .init(key: "name", value: .string(entry.name)),
                    .init(key: "type", value: .string(entry.type)),
                    .init(key: "shape", value: .array(entry.shape.map { .integer($0) })),
                    .init(key: "offset", value: .integer(entry.offset)),
                    .init(key: "bytes", value: .integer(entry.bytes)),
                ] + (entry.file.map { [.init(key: "file", value: .string($0))] } ?? []))
        }
        return .object([
            .init(key: "path", value: .string(path)), .init(key: "format", value: .string(format)),
            .init(
                key: "metadata",
                value: .object(metadata.map { JSON.Member(key: $0.key, value: $0.value) })),
            .init(key: "tensors", value: .array(tensors)),
            .init(
                key: "total",
                value: .object([
                    .init(key: "tensors", value: .integer(entries.count)),
                    .init(key: "values", value: .integer(valueCount)),
                    .init(key: "bytes", value: .integer(byteCount)),
                ])),
        ])
    }

    // Sums of what was checked against the file's length; blocks hold at most 4 values a byte, so neither overflows.
    private var byteCount: Int { entries.reduce(0) { $0 + $1.bytes } }
    private var valueCount: Int { entries.reduce(0) { $0 + $1.count } }

    /// For people.
    func text(inFull: Bool) -> String {
        var lines = [
            "\(path.quoted): \(format), \(entries.count) tensors, \(size(Double(byteCount)))"
        ]
        let width = min(44, metadata.map(\.key.count).max() ?? 0)
        if !metadata.isEmpty { lines += ["", "metadata"] }
        for (key, value) in metadata {
            lines.append("  " + key.quoted.padded(width) + "  " + shown(value, inFull))
        }
        if !entries.isEmpty { lines += ["", "tensors"] + table + ["", "total"] + totals }
        return lines.joined(separator: "\n") + "\n"
    }

    private func shown(_ value: JSON, _ inFull: Bool) -> String {
        let most = inFull ? Int.max : 60
        if case .array(let items) = value, items.count > 8, !inFull {
            let first = items.prefix(4).map { String($0.text.prefix(24)) }
            return "[\(first.joined(separator: ", ")), …] (\(items.count))"
        }
        let text = value.text
        return text.count > most ? "\(text.prefix(most))… (\(text.count) characters)" : text
    }

    private var table: [String] {
        let width = min(64, entries.map(\.name.count).max() ?? 0)
        return entries.map { entry in
            let shape =
                entry.shape.isEmpty ? "1" : entry.shape.map { "\($0)" }.joined(separator: " × ")
            return "  " + entry.name.quoted.padded(width) + "  " + entry.type.padded(7) + "  "
                + shape.padded(20) + "  " + size(Double(entry.bytes)).padded(8, right: true)
        }
    }

    private var totals: [String] {
        let types = Dictionary(grouping: entries, by: \.type)
        let rows = types.map { type, list in
            (type, list.count, list.reduce(0) { $0 + $1.count }, list.reduce(0) { $0 + $1.bytes })
        }
        let all = [("all", entries.count, valueCount, byteCount)]
        return (rows.sorted { ($1.3, $0.0) < ($0.3, $1.0) } + (rows.count > 1 ? all : [])).map {
            type, tensors, values, bytes in
            let bits = values > 0 ? fixed(Double(bytes) * 8 / Double(values), 2) : "–"
            return "  " + type.padded(8) + "\(tensors) tensors".padded(16)
                + "\(values) values".padded(22) + size(Double(bytes)).padded(12)
                + "\(bits) bits a value"
        }
    }
}

extension JSON {
    /// A value of a GGUF file's metadata.
    init(_ value: GGUFValue) {
        switch value {
        case .string: self = .string(value.string ?? "")
        case .bool(let isTrue): self = .bool(isTrue)
        case .array(_, let items): self = .array(items.map { JSON($0) })
        case .float32(let number): self = .number(Double("\(number)") ?? Double(number))
        case .float64(let number): self = .number(number)
        default: self = value.int.map { .integer($0) } ?? .number(value.double ?? 0)
        }
    }
}
