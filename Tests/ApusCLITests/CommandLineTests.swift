import Benchmarking
import Files
import Glibc
import Support
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

@Suite struct DemoTests {
    @Test func valuesBecomeBars() {
        #expect(curve([4, 2, 1, 0], width: 4) == "█▆▄▁")
        #expect(curve([Double](repeating: 1, count: 100), width: 10).count == 10)
        #expect(curve([.nan], width: 4) == "?")
    }

    @Test func aPictureBecomesHalfBlocks() {
        let picture = Picture(height: 3, width: 2, channels: 1, bytes: [0, 255, 9, 9, 7, 7])
        let lines = TerminalPicture.lines(picture)
        #expect(lines.count == 2 && lines[0].hasPrefix("\u{1b}[38;2;0;0;0m\u{1b}[48;2;9;9;9m▀"))
        #expect(lines[1].contains("48;2;0;0;0m"))
    }

    @Test func modelsLearnBeforeOnesEyes() throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let place = folder.path
        let words = ["demo", "--steps", "2", "--out", place, "--report", "\(place)/r.html"]
        #expect(Apus.run(words) != 2)
        for name in ["gpt/report.html", "gpt/sample.txt", "ddpm/sample-samples.png"] {
            #expect(try readFile("\(place)/\(name)").count > 100)
        }
    }
}
