import Benchmarking
import Files
import Glibc
import Tensors
import Testing

@testable import ApusCLI

/// Exit codes of whole command lines; what they print goes by.
@Suite(.serialized) struct CommandLineTests {
    @Test(arguments: [
        (["--version"], 0), (["help", "bench"], 0), (["bench", "--help"], 0),
        (["bench", "--list"], 0),
        (["bnch"], 2), (["bench", "--ids"], 2), (["bench", "--lisst"], 2),
        (["bench", "--threads", "0"], 2),
        (["bench", "--device", "gpu"], 1), (["bench", "--device", "opencl:99"], 1),
        (["bench", "--cases", "/nonexistent"], 1),
        (["bench", "--json", "/nonexistent/x", "--ids", "0"], 1),
        (["bench", "--json", "-", "--csv", "-"], 2), (["bench", "--compare", "/nonexistent"], 1),
        (["bench", "--fail-on-regress", "5%"], 2), (["tune", "--device", "cpu"], 2),
        (["bench", "add", "--rows", "1000000000", "--cols", "1000000000", "--no-peers"], 1),
        (["devices", "--json", "/nonexistent/x"], 1), (["demo", "--steps", "0"], 2),
        (["tokenizer"], 2), (["tokenizer", "train"], 2),
        (["tokenizer", "train", "/nonexistent"], 1),
        (["tokenizer", "train", "x", "--vocab", "10"], 2),
        (["tokenizer", "train", "x", "--type", "y"], 2), (["tokenize", "x"], 2),
        (["tokenize", "-m", "/nonexistent", "x"], 1), (["tokenize", "-q", "x"], 2),
    ])
    func exitCodes(words: [String], code: Int) {
        #expect(Int(Apus.run(words)) == code)
    }

    @Test func aRunWritesEveryReportAndComparesWithItself() throws {
        let folder = "/tmp/apus-test-\(getpid())"
        #expect(mkdir(folder, 0o755) == 0)
        defer {
            for name in ["a.json", "b.csv", "c.md", "d.html"] { unlink("\(folder)/\(name)") };
            rmdir(folder)
        }
        let words = [
            "bench", "gelu", "rows=32", "cols=64", "--min-time", "0.01", "--json",
            "\(folder)/a.json", "--csv",
            "\(folder)/b.csv", "--markdown", "\(folder)/c.md", "--html", "\(folder)/d.html",
        ]
        #expect(Apus.run(words) == 0)
        for name in ["a.json", "b.csv", "c.md", "d.html"] {
            #expect(try readFile("\(folder)/\(name)").count > 100)
        }
        let again = [
            "bench", "gelu", "rows=32", "cols=64", "--min-time", "0.01", "--compare",
            "\(folder)/a.json",
        ]
        #expect(Apus.run(again + ["--fail-on-regress", "100000%"]) == 0)
    }
}

@Suite struct SpiralsTests {
    @Test func theNetworkLearns() {
        var spirals = Spirals(count: 100, on: .cpu)
        for _ in 0..<30 { spirals.train(of: 30) }
        #expect(spirals.losses.count == 30)
        #expect((spirals.losses.last ?? 1) < (spirals.losses.first ?? 0))
        let picture = SpiralPicture(spirals, width: 20)
        #expect(picture.plain.count == 10 && picture.plain[0].count == 22)
        #expect(picture.plain.joined().contains("o") && picture.plain.joined().contains("x"))
        #expect(DemoCommand.curve([4, 2, 1, 0], width: 4).count == 4)
    }
}
