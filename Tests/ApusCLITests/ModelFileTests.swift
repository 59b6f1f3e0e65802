import Files
import Glibc
import Tensors
import Testing

@testable import ApusCLI

/// The commands that open models' files, on files that are broken and files that are not.
@Suite(.serialized) struct ModelFileTests {
    private static let folder =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/Fixtures/gguf/malformed"

    /// Paths of the files with the given expectation.
    private static func files(_ expectation: String, _ kinds: [String]) throws -> [String] {
        let path = "\(folder)/manifest.json"
        let entries = try JSON(parsing: readFile(path), path: path).array ?? []
        return entries.compactMap { entry in
            guard entry["expect"]?.string == expectation,
                kinds.contains(entry["kind"]?.string ?? "")
            else { return nil }
            return entry["path"]?.string.map { "\(folder)/\($0)" }
        }
    }

    /// What this thread has computed for.
    private static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test func everyCommandRefusesBrokenFiles() throws {
        let output = "/tmp/apus-test-\(getpid())-out"
        let broken = try Self.files(
            "refuse",
            ["gguf", "safetensors", "tokenizer", "pickle", "gguf_model", "directory"])
        #expect(broken.count > 200)
        for path in broken {
            for words in [
                ["inspect", path], ["quantize", path, output, "Q8_0"],
                ["tokenize", "-m", path, "text"], ["convert", path, output],
                ["run", "-m", path, "-p", "text"],
            ] {
                // Of this thread alone: the machine may be busy with other tests.
                let before = Self.seconds()
                #expect(Apus.run(words) == 1, "\(words)")
                #expect(Self.seconds() - before < 1, "\(words)")
            }
        }
        #expect(!exists(output))
    }

    @Test func goodFilesAreShownAndQuantized() throws {
        let output = "/tmp/apus-test-\(getpid()).gguf"
        defer { unlink(output) }
        for path in try Self.files("accept", ["gguf", "gguf_model", "safetensors"]) {
            #expect(Apus.run(["inspect", path]) == 0)
            #expect(Apus.run(["inspect", path, "--json"]) == 0)
            guard path.hasSuffix(".gguf") else { continue }
            #expect(Apus.run(["quantize", path, output, "q4_k_m"]) == 0)
            #expect(try GGUFFile(path: output).tensors.count == GGUFFile(path: path).tensors.count)
        }
    }

    @Test(arguments: [
        (["inspect"], 2), (["inspect", "/nonexistent"], 1), (["inspect", "/tmp", "--jsn"], 2),
        (["quantize", "a"], 2), (["quantize", "a", "b", "Q9_Z"], 2),
        (["quantize", "/nonexistent", "b", "Q8_0"], 1),
        (["quantize", "/nonexistent", "b", "Q8_0", "--imatrix", "/nonexistent"], 1),
    ])
    func exitCodes(words: [String], code: Int) {
        #expect(Int(Apus.run(words)) == code)
    }

    /// Also of maps that are computed together: every matrix of the layers has its columns measured.
    @Test(arguments: ["Q8_0", "F16", "F32"]) func importanceIsMeasured(type: String) throws {
        let story =
            #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
            .joined(separator: "/") + "/Sources/CStory/story.gguf"
        let base = "/tmp/apus-test-\(getpid())-measured"
        let (model, text, output) = ("\(base).gguf", "\(base).txt", "\(base).imatrix")
        defer { for path in [model, text, output] { unlink(path) } }
        try writeFile(
            text, [Array("Once upon a time there was a small bird. It could not fly.".utf8)])
        #expect(Apus.run(["quantize", story, model, type]) == 0)
        #expect(Apus.run(["imatrix", model, "-f", text, "-o", output, "--chunk", "8"]) == 0)
        let entries = try ImportanceMatrix(path: output).entries
        for tensor in try GGUFFile(path: model).tensors
        where tensor.shape.count == 2 && tensor.name.hasPrefix("blk.") {
            let entry = try #require(entries[tensor.name], "\(tensor.name)")
            #expect(entry.columns == tensor.shape[1] && entry.sums.contains { $0 > 0 })
            #expect(entry.counts == entries["blk.0.attn_q.weight"]?.counts)
        }
    }

    @Test func aMatrixOfImportanceIsUsed() throws {
        let base = "/tmp/apus-test-\(getpid())"
        let (source, weights, plain, weighed) = (
            "\(base).gguf", "\(base).imatrix", "\(base)-a.gguf", "\(base)-b.gguf"
        )
        defer { for path in [source, weights, plain, weighed] { unlink(path) } }
        var random = RandomKey(seed: 5)
        let x = random.normal([8, 256], on: .cpu)
        let name = "blk.0.ffn_up.weight"
        let entry = try GGUFTensor(name: name, type: .f32, shape: [8, 256], path: source)
        try writeGGUF(GGUFMetadata(), [entry], to: source) { _, write throws(FileError) in
            try write(x.bytes())
        }
        var matrix = ImportanceMatrix()
        let sums = (0..<256).map { Float($0 < 128 ? 100 : 1) }
        matrix.entries[name] = .init(columns: 256, sums: sums, counts: [1])
        (matrix.datasets, matrix.chunkCount, matrix.chunkSize) = (["text"], 1, 512)
        try matrix.write(to: weights)
        #expect(try ImportanceMatrix(path: weights) == matrix)
        #expect(Apus.run(["quantize", source, plain, "Q2_K"]) == 0)
        #expect(Apus.run(["quantize", source, weighed, "Q2_K", "--imatrix", weights]) == 0)
        // The columns that matter come out better than without.
        func error(_ path: String) throws -> Float {
            let own = try GGUFFile(path: path).tensor(name, on: .cpu)
            let d = (own - x)[0..<8, 0..<128]
            return (d * d).mean().item()
        }
        #expect(try error(weighed) < error(plain))
    }
}
