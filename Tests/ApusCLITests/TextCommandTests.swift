import Files
import Glibc
import Tensors
import Testing
import Transformers

@testable import ApusCLI

/// `apus run`, `apus chat` and `apus perplexity` without a model: what they refuse, and their small parts.
@Suite(.serialized) struct TextCommandTests {
    @Test(arguments: [
        (["run", "--help"], 0), (["chat", "--help"], 0), (["perplexity", "--help"], 0),
        (["run", "-m", "/nonexistent", "-p", "x"], 1), (["run", "-m", "/dev/null", "-p", "x"], 1),
        (["run", "-m", "x", "hello"], 2), (["run", "-m", "x", "--temp", "warm"], 2),
        (["run", "-m", "x", "--top-p", "2"], 2), (["run", "-m", "x", "-s", "-2"], 2),
        (["run", "-m", "x", "--logit-bias", "a"], 2),
        (["run", "-m", "x", "-f", "/nonexistent"], 1),
        (["run", "-m", "/nonexistent", "-p", "x", "--device", "gpu"], 1), (["run", "-q"], 2),
        (["chat", "-m", "/nonexistent"], 1), (["chat", "-m", "x", "hello"], 2),
        (["perplexity", "-m", "/nonexistent", "-f", "/dev/null"], 1),
        (["perplexity", "-m", "x", "--kl-divergence"], 2), (["perplexity", "-m", "x", "y"], 2),
    ])
    func exitCodes(words: [String], code: Int) {
        #expect(Int(Apus.run(words)) == code)
    }

    static func arguments(_ words: String...) throws -> Arguments {
        try Arguments(words, flags: RunCommand.flags, command: "run")
    }

    @Test func theFlagsSayHowTokensAreChosen() throws {
        let settings = try Self.arguments(
            "--temp", "0.5", "--top-k", "7", "--logit-bias", "15+1.5", "-l", "3-inf", "-s", "9",
            "--mirostat", "2", "--mirostat-ent", "3", "--repeat-last-n", "-1"
        ).sampler()
        #expect(settings.temperature == 0.5 && settings.topK == 7 && settings.seed == 9)
        #expect(settings.bias == [15: 1.5, 3: -.infinity] && settings.repeatLast == -1)
        #expect(settings.mirostat == Mirostat(version: 2, tau: 3, eta: 0.1))
        let usual = try Self.arguments().sampler()
        var expected = SamplerSettings()
        expected.seed = usual.seed
        #expect(usual == expected)
    }

    @Test func aFlagMayStandSeveralTimes() throws {
        let arguments = try Self.arguments("-r", "a", "--stop", "c", "-r", "b", "-n", "-1")
        #expect(arguments.texts("reverse-prompt") == ["a", "b"])
        #expect(arguments.texts("stop") == ["c"] && arguments.text("predict") == "-1")
    }

    @Test(arguments: [
        ("a\\nb", "a\nb"), ("\\t\\\\", "\t\\"), ("\\q\\", "\\q\\"), ("", ""), ("\\\"", "\""),
    ])
    func escapes(text: String, expected: String) { #expect(text.unescaped == expected) }

    @Test(arguments: [
        (1.005, 1, "1.0"), (-0.04, 1, "0.0"), (-2.25, 1, "-2.3"), (0.123456, 4, "0.1235"),
        (7, 0, "7"), (.infinity, 2, "inf"), (1e20, 2, "1e+20"),
    ])
    func numbersAreRounded(x: Double, digits: Int, expected: String) {
        #expect(rounded(x, digits) == expected)
    }

    @Test func aConversationSurvivesJSON() throws {
        let messages = [
            ChatMessage(role: "user", content: "\"hi\"\n"),
            ChatMessage(role: "assistant", content: "ü"),
        ]
        let json = JSON(encoding: messages)
        #expect(try json.decoded([ChatMessage].self, path: "test") == messages)
    }
}
