import Files
import Testing

private struct Settings: Codable, Equatable {
    enum Kind: String, Codable { case plain, fancy }
    struct Block: Codable, Equatable {
        var width: Int
        var rate: Float
    }

    var name = "x"
    var kind = Kind.fancy
    var blocks = [Block(width: 3, rate: 0.1)]
    var flags = [true, false]
    var optional: Int?
    var table = ["a": 1.5]
}

@Suite struct JSONCodableTests {
    private func decode(_ text: String) throws -> Settings {
        try JSON(parsing: Array(text.utf8), path: "file").decoded(Settings.self, path: "file")
    }

    @Test func valuesComeBack() throws {
        var settings = Settings()
        #expect(try decode(JSON(encoding: settings).text) == settings)
        settings.optional = 7
        settings.blocks = []
        #expect(try decode(JSON(encoding: settings).text) == settings)
    }

    @Test func membersKeepTheirOrderAndFloatsTheirText() {
        let text = JSON(encoding: Settings()).text
        #expect(
            text.hasPrefix(#"{"name": "x", "kind": "fancy", "blocks": [{"width": 3, "rate": 0.1}]"#)
        )
    }

    @Test(arguments: [
        (#"{"name": 1}"#, "file: name is 1, not a string"),
        (#"{"name": "a", "kind": "odd"}"#, "file: kind "),
        (#"{"name": "a", "kind": "plain"}"#, "file: blocks is missing"),
        (
            #"{"name": "a", "kind": "plain", "blocks": [{"width": 1.5, "rate": 1}]}"#,
            "file: blocks[0].width is 1.5, not a whole number"
        ),
        ("[]", "file: is [], not an object"),
    ])
    func whatDoesNotFitIsNamed(text: String, message: String) {
        #expect { try decode(text) } throws: { "\($0)".hasPrefix(message) }
    }
}
