import Benchmarking
import Files
import Glibc
import Text
import Transformers

/// `apus tokenize`: what a text becomes in a vocabulary, and ids as text.
enum TokenizeCommand: Command {
    static let name = "tokenize"
    static let summary = "Show the ids of a text in a vocabulary, or the text of ids."
    static let usage = "-m PATH TEXT…"
    static let flags = [
        Flag("model", "PATH", "a folder with tokenizer.json, or that file", short: "m"),
        Flag("file", "FILE", "take the text from a file", short: "f"),
        Flag("ids", nil, "only the ids, in one line"),
        Flag("decode", nil, "the words are ids: print their text"),
        Flag("no-marks", nil, "without the marks that the vocabulary puts around a text"),
    ]

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard let path = arguments.text("model") else {
            throw BenchmarkError.usage("tokenize: -m PATH names the vocabulary")
        }
        if !isFolder(path) { try checkModel(path) }
        let tokenizer = try Tokenizer(path: path)
        if arguments.has("decode") {
            print(tokenizer.decode(try ids(arguments.words)))
            return 0
        }
        let text: [UInt8]
        if let file = arguments.text("file") {
            text = try readFile(file)
        } else if arguments.words.isEmpty {
            throw BenchmarkError.usage("tokenize: there is no text: apus tokenize -m PATH TEXT")
        } else {
            text = Array(arguments.words.joined(separator: " ").utf8)
        }
        let ids = tokenizer.encode(utf8: text, addsMarks: !arguments.has("no-marks"))
        if arguments.has("ids") {
            print(ids.map { "\($0)" }.joined(separator: " "))
        } else {
            show(ids, tokenizer)
        }
        return 0
    }

    private static func ids(_ words: [String]) throws -> [Int] {
        try words.flatMap { $0.split { $0 == "," || $0 == " " } }.map { word in
            guard let id = Int(word), id >= 0 else {
                throw BenchmarkError.usage("tokenize --decode: \(word) is no id")
            }
            return id
        }
    }

    private static func show(_ ids: [Int], _ tokenizer: Tokenizer) {
        for id in ids {
            print("\("\(id)".leftPadded(8))  \(tokenizer.token(id) ?? "")")
        }
        print("\(ids.count) tokens")
    }
}

extension String {
    func leftPadded(_ width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
