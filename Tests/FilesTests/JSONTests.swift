import Files
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> JSON {
        try JSON(parsing: Array(text.utf8), path: "test")
    }

    @Test func values() throws {
        let json = try parse(
            #" {"a": [1, -2.5e3, true, null], "b": {"c": "x\n\u00e9\ud83d\ude00"}} "#)
        #expect(json["a"]?.array?.count == 4)
        #expect(json["a"]?.array?[1].double == -2500)
        #expect(json["b"]?["c"]?.string == "x\né😀")
        #expect(json["missing"] == nil)
    }

    @Test(arguments: [
        "", "{", "[1,", "[1 2]", "{\"a\"}", "{\"a\":}", "tru", "\"abc", "\"\\x\"", "\"\\u12\"",
        "1 2", "+1", "--1", "{1:2}",
    ])
    func brokenTextIsRefused(text: String) {
        #expect(throws: FileError.self) { try parse(text) }
    }

    @Test func deepNestingIsRefused() {
        #expect(throws: FileError.self) { try parse(String(repeating: "[", count: 100_000)) }
    }

    @Test func writingRoundTrips() throws {
        let text = #"{"k": [1, 2.5, "q\"\\\n", {}, [], false, null]}"#
        #expect(try parse(parse(text).text) == parse(text))
        #expect(JSON.number(.infinity).text == "null")
    }
}
