extension WordScanner {
    /// The patterns as files spell them.
    static let sources: [(source: String, pattern: Pattern)] = {
        let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
        let letters = #"[^\r\n\p{L}\p{N}]?\p{L}+"#
        let rest = #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        let known: [(String, Pattern)] = [
            (#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2),
            (#"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2),
            (
                #"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"#,
                .gpt2
            ),
            ("\(contractions)|\(letters)|\\p{N}{1,3}|\(rest)", .grouped(digits: 3)),
            ("\(contractions)|\(letters)|\\p{N}|\(rest)", .grouped(digits: 1)),
            (
                #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"#
                    + #"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"#, .cl100k
            ),
        ]
        return known.map { (source: $0.0, pattern: $0.1) }
    }()

    /// How text splits where a vocabulary does not say: cl100k's way.
    static let usualSource = sources.last { $0.pattern == .cl100k }?.source ?? sources[0].source

    /// The scanner of a pattern that is known by its spelling.
    init?(source: String) {
        guard let known = WordScanner.sources.first(where: { $0.source == source }) else {
            return nil
        }
        self.init(known.pattern)
    }
}
