import Benchmarking
import Testing

@testable import ApusCLI

/// The text of the usage error that the body throws; nil if it throws none.
func usageError(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch BenchmarkError.usage(let text) {
        return text
    } catch {
        return nil
    }
}

@Suite struct ArgumentsTests {
    private let flags = [
        Flag("device", "D", ""), Flag("list", nil, ""), Flag("threads", "N", ""),
        Flag("m", "N", ""),
    ]

    private func parse(_ words: String...) throws -> Arguments {
        try Arguments(words, flags: flags, command: "bench")
    }

    @Test func valuesStandBehindTheNameOrAfterAnEqualSign() throws {
        let arguments = try parse("matmul", "--device", "cpu", "--threads=2", "--list", "--", "--m")
        #expect(arguments.words == ["matmul", "--m"])
        #expect(arguments.text("device") == "cpu")
        #expect(try arguments.int("threads", in: 1...4) == 2)
        #expect(arguments.has("list"))
        #expect(!arguments.has("m"))
    }

    @Test(arguments: [
        (["--devise", "cpu"], "did you mean --device?"), (["--lst"], "did you mean --list?"),
        (["--xyzzyplugh"], "see apus help bench"), (["-m", "3"], "did you mean"),
        (["--threads"], "--threads needs a value"), (["--list=yes"], "--list takes no value"),
    ])
    func wrongFlagsSayWhatIsNear(words: [String], part: String) {
        let text = usageError { _ = try Arguments(words, flags: flags, command: "bench") }
        #expect(text?.contains(part) == true, "\(text ?? "no error")")
    }

    @Test(arguments: ["0", "-1", "two", "1.5", "99999999999999999999", ""])
    func threadsMustBeAWholeNumberInRange(value: String) {
        let text = usageError {
            _ = try Arguments(["--threads", value], flags: flags, command: "bench").int(
                "threads", in: 1...256)
        }
        #expect(text?.contains("1 ... 256") == true)
    }

    @Test(arguments: [
        ("a=1", ["a=1"]), ("a=1,b.c=x", ["a=1", "b.c=x"]),
        ("sizes=[1,2,4],b=[[1,2],[3]]", ["sizes=[1,2,4]", "b=[[1,2],[3]]"]),
        ("a={\"x\":1,\"y\":2},c=3", ["a={\"x\":1,\"y\":2}", "c=3"]),
    ])
    func assignmentsKeepTheirLists(text: String, items: [String]) throws {
        #expect(try parse("--device", text).assignments("device") == items)
    }

    @Test func noAssignmentIsEmpty() throws {
        #expect(try parse().assignments("device") == [])
        #expect(usageError { _ = try parse("--device", "a=1,,b=2").assignments("device") } != nil)
    }

    @Test func rangesAndListsMix() throws {
        #expect(try integers(["4"], of: "m") == [4])
        #expect(try integers(["1:3"], of: "m") == [1, 2, 3])
        #expect(try integers(["1024:4096:1024", "7"], of: "m") == [1024, 2048, 3072, 4096, 7])
        #expect(try integers(["5:5:9"], of: "m") == [5])
    }

    @Test(arguments: [
        "", "a", "1:", "3:1", "1:4:0", "1:4:-1", "1:2:3:4", "0:9223372036854775807", "1e3",
    ])
    func brokenRangesAreNamed(item: String) {
        let text = usageError { _ = try integers([item], of: "--m") }
        #expect(text?.hasPrefix("--m: \"\(item)\"") == true, "\(text ?? "no error")")
    }

    @Test func theDistanceCountsLetters() {
        #expect(distance("bench", "bench") == 0)
        #expect(distance("bnch", "bench") == 1)
        #expect(distance("", "abc") == 3)
    }
}

@Suite struct BenchCasesTests {
    private func cases(_ words: String...) throws -> [Case] {
        try BenchCases(Arguments(words, flags: BenchCommand.flags, command: "bench")).list
    }

    @Test func noWordsMeanTheStandardSuite() throws {
        #expect(try cases().count == 77)
        #expect(try cases("softmax").allSatisfy { $0.operation == .softmax })
        #expect(try cases("--ids", "3,5:7").map(\.id) == [3, 5, 6, 7])
    }

    @Test func sizesMultiply() throws {
        let list = try cases("matmul", "--m", "64:256:64", "--n", "8,16", "--dtype", "f32,bf16")
        #expect(list.count == 4 * 2 * 2)
        #expect(list.map(\.id) == Array(0..<16))
        #expect(list[0]["k"] == 1024)
    }

    @Test func aCaseIsFoundAgainByWhatItPrints() throws {
        for c in try cases() {
            let words = c.description.split(separator: " ").map(String.init)
            let again = try BenchCases(
                Arguments(words, flags: BenchCommand.flags, command: "bench")
            ).list
            #expect(again.map(\.description) == [c.description])
        }
    }

    @Test(arguments: [
        (["matmul", "--m", "-5"], "m is -5"),
        (["matmul", "--rows", "3"], "matmul has no size rows"),
        (["matmull", "--m", "3"], "did you mean matmul?"), (["--m", "3"], "sizes need an op"),
        (["matmul", "--m", "99999999999"], "must be in"),
        (["matmul", "--m", "4", "--dtype", "f33"], "unknown type"),
        (["gelu", "--rows", "4", "--pass", "fwd+bwd"], "only its forward pass"),
        (["--ids", "900"], "no case has"),
        (["conv2d", "--k", "9", "--h", "2", "--w", "2"], "no output"),
        (["adamw", "--dtype", "bf16"], "no bf16"),
        (["attention", "--h", "12", "--hkv", "5"], "multiple"), (["rope", "--d", "7"], "even"),
    ])
    func whatDoesNotFitIsNamed(words: [String], part: String) {
        let text = usageError {
            _ = try BenchCases(Arguments(words, flags: BenchCommand.flags, command: "bench"))
        }
        #expect(text?.contains(part) == true, "\(text ?? "no error")")
    }
}
