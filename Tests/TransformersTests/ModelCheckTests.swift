import Files
import Glibc
import Tensors
import Testing

@testable import Transformers

/// Models that are refused by what their files say, without reading weights; and files that say nothing of a known model.
@Suite struct ModelCheckTests {
    private static let original =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/Fixtures/gguf/malformed/gguf_model_good/model.gguf"

    /// A copy of a good file with other metadata or fewer tensors.
    private static func copy(
        to path: String, _ change: (inout GGUFMetadata, inout [GGUFTensor]) -> Void
    ) throws {
        let file = try GGUFFile(path: original)
        var (metadata, tensors) = (file.metadata, file.tensors)
        change(&metadata, &tensors)
        let kept = tensors
        try writeGGUF(metadata, kept, to: path) { place, write throws(FileError) in
            try file.copy(kept[place].name, to: write)
        }
    }

    /// Whether the file is refused, in one line, and by loading too.
    private static func isRefused(_ path: String) -> Bool {
        do {
            try checkModel(path)
            return false
        } catch {
            #expect(throws: (any Error).self) { try LoadedModel.load(path, on: .cpu) }
            return !"\(error)".contains("\n")
        }
    }

    private static func withCopy(
        _ change: (inout GGUFMetadata, inout [GGUFTensor]) -> Void, _ body: (String) throws -> Void
    ) throws {
        let path = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max))).gguf"
        defer { unlink(path) }
        try copy(to: path, change)
        try body(path)
    }

    @Test func aWholeModelPasses() throws {
        try checkModel(Self.original)
        try Self.withCopy({ _, _ in }, { #expect(!Self.isRefused($0)) })
    }

    @Test func everyTensorIsNeeded() throws {
        for tensor in try GGUFFile(path: Self.original).tensors {
            // Without the map to logits, the table of tokens serves.
            if tensor.name == "output.weight" { continue }
            try Self.withCopy(
                { _, tensors in tensors.removeAll { $0.name == tensor.name } },
                { #expect(Self.isRefused($0), "\(tensor.name)") })
        }
    }

    @Test(arguments: [
        "embedding_length", "block_count", "attention.head_count", "attention.head_count_kv",
        "feed_forward_length", "vocab_size", "rope.dimension_count",
    ])
    func everySizeCounts(key: String) throws {
        for value: UInt32 in [0, 3, 1000, .max] {
            try Self.withCopy(
                { metadata, _ in metadata["llama.\(key)"] = .uint32(value) },
                { #expect(Self.isRefused($0), "\(key) \(value)") })
        }
    }

    @Test(arguments: ["nosuchmodel", "qwen3", nil])
    func sizesOfAnotherArchitectureAreRefused(name: String?) throws {
        try Self.withCopy(
            { metadata, _ in metadata["general.architecture"] = name.map { .text($0) } },
            { #expect(Self.isRefused($0)) })
    }

    @Test func filesOfOthersPass() throws {
        let changes: [(inout GGUFMetadata, inout [GGUFTensor]) -> Void] = [
            // An architecture that is not known, with sizes of its own.
            { metadata, tensors in
                metadata = GGUFMetadata()
                metadata["general.architecture"] = .text("deepsea")
                metadata["deepsea.block_count"] = .uint32(7)
                tensors.removeLast()
            },
            // Tensors only, and a vocabulary only.
            { metadata, _ in metadata = GGUFMetadata() },
            { _, tensors in tensors = [] },
            // A part of a model, and an adapter.
            { metadata, tensors in
                metadata["split.count"] = .uint32(2)
                tensors.removeLast(3)
            },
            { metadata, tensors in
                metadata["general.type"] = .text("adapter")
                tensors.removeLast(3)
            },
        ]
        for change in changes { try Self.withCopy(change) { try checkModel($0) } }
    }

    /// A folder of a type that is not known passes, unless its tensors are those of a language model.
    @Test(arguments: [("vision.weight", false), ("model.embed_tokens.weight", true)])
    func foldersOfOthersPass(tensor: String, isRefused: Bool) throws {
        let folder = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max)))"
        mkdir(folder, 0o755)
        defer {
            for name in ["config.json", "model.safetensors"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        try writeFile("\(folder)/config.json", [Array(#"{"model_type": "eye"}"#.utf8)])
        try writeSafetensors(
            [(tensor, Tensor.zeros([2, 2], on: .cpu))], to: "\(folder)/model.safetensors")
        #expect(Self.isRefused(folder) == isRefused)
    }
}
