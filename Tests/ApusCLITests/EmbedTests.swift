import Files
import Support
import Tensors
import Testing

@testable import ApusCLI

/// `apus embed` from the command line, with a language model's own states.
@Suite(.serialized) struct EmbedTests {
    @Test(arguments: [
        (["embed"], 2), (["embed", "-m", "/nonexistent", "-p", "x"], 1),
        (["embed", "-m", "/nonexistent"], 2), (["export"], 2), (["export", "/nonexistent"], 1),
    ])
    func exitCodes(words: [String], code: Int) {
        #expect(Int(Apus.run(words)) == code)
    }

    /// A storyteller from its training to its vectors.
    @Test func aRunIsExportedAndEmbeds() throws {
        let folder = TemporaryFolder()
        let (run, model) = ("\(folder.path)/run", "\(folder.path)/model")
        let sizes =
            "layers=1,heads=2,keyHeads=1,channels=32,hidden=32,context=32,vocabulary=280,stories=40"
        let words = ["--steps", "2", "--batch", "2", "--set", sizes, "--out", run]
        #expect(Apus.run(["train", "storyteller"] + words) == 0)
        #expect(Apus.run(["export", run, "--out", model]) == 0)
        let text = "\(folder.path)/texts"
        try writeFile(text, [Array("a cat\na dog\r\n".utf8)])
        #expect(Apus.run(["embed", "-m", model, "-f", text, "--similarity"]) == 0)
        #expect(
            Apus.run(["embed", "-m", model, "-p", "a cat", "--json", "--pooling", "last"]) == 0)
        #expect(Apus.run(["embed", "-m", model, "-p", "a cat", "--pooling", "first"]) == 2)
        #expect(Apus.run(["embed", "-m", model, "-p", ""]) == 1)
    }
}
