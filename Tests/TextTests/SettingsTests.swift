import Files
import Support
import Testing

@testable import Text

/// What `tokenizer_config.json` adds to a vocabulary.
@Suite struct SettingsTests {
    private func settings(_ text: String) throws -> TokenizerSettings {
        try TokenizerSettings(JSON(parsing: Array(text.utf8), path: "test"), path: "test")
    }

    @Test func fieldsAreRead() throws {
        let found = try settings(
            """
            {"tokenizer_class": "LlamaTokenizer", "add_bos_token": true, "add_eos_token": false,
             "model_max_length": 4096, "bos_token": {"content": "<s>", "lstrip": false},
             "eos_token": "</s>", "pad_token": null,
             "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}],
             "added_tokens_decoder": {"7": {"content": "<x>", "special": true, "rstrip": true}}}
            """)
        #expect(found.kind == "LlamaTokenizer" && found.longest == 4096)
        #expect(found.addsBeginning == true && found.addsEnd == false)
        #expect(found.tokens == ["bos_token": "<s>", "eos_token": "</s>"])
        #expect(found.chatTemplate == "D" && found.chatTemplates.count == 2)
        #expect(found.addedTokens.map(\.id) == [7] && found.addedTokens[0].stripsRight)
        let large = try settings("{\"model_max_length\": 1000000000000000019884624838656}")
        #expect(large.longest == nil && large.chatTemplate == nil)
    }

    @Test(arguments: ["[]", "{\"added_tokens_decoder\": {\"-1\": {\"content\": \"a\"}}}"])
    func absurdOnesAreRefused(text: String) {
        #expect(throws: FileError.self) { _ = try settings(text) }
    }

    @Test func marksAndTokensAreAdded() throws {
        var trainer = TokenizerTrainer(.bpe, size: 270, marks: ["<s>", "</s>"])
        trainer.add(Array("to be or not to be".utf8))
        var tokenizer = try trainer.tokenizer()
        let plain = tokenizer.encode("to be")
        let id = tokenizer.count
        tokenizer.apply(
            try settings(
                """
                {"tokenizer_class": "LlamaTokenizer", "add_eos_token": true, "bos_token": "<s>",
                 "eos_token": "</s>",
                 "added_tokens_decoder": {"\(id)": {"content": "<x>", "special": true}}}
                """))
        #expect(tokenizer.encode("to be") == [0] + plain + [1])
        #expect(tokenizer.encode("to be<x>", addsMarks: false) == plain + [id])
        #expect(tokenizer.decode([0] + plain + [id], keepsMarks: false) == "to be")
    }

    @Test func aListOfWordPiecesIsBERTs() throws {
        let folder = TemporaryFolder()
        let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\ncat\n##s\n!\n"
        try writeFile("\(folder.path)/vocab.txt", [Array(words.utf8)])
        let tokenizer = try Tokenizer(path: folder.path)
        #expect(tokenizer.encode("The CATS!") == [2, 4, 5, 6, 7, 3])
        #expect(tokenizer.encode("dog", addsMarks: false) == [1])
        #expect(tokenizer.decode([2, 4, 5, 6, 7, 3], keepsMarks: false) == "the cats!")
        #expect(tokenizer.encode("the the the cats", most: 4) == [2, 4, 4, 3])
    }
}
