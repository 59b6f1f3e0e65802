/// What a step replaces: a text as it stands, or what a pattern matches.
struct Replacement: Sendable {
    enum Part: Sendable {
        case text([UInt8])
        case pattern(Pattern)
    }

    let part: Part
    let content: [UInt8]

    /// Longer texts are not made: what is left then stays as it is.
    private static let longest = 1 << 28

    func apply(_ text: [UInt8]) -> [UInt8] {
        switch part {
        case .text(let part):
            text.count * max(1, content.count) > Replacement.longest
                && content.count > 3 * part.count ? text : text.replacing(part, with: content)
        case .pattern(let pattern): replace(text, pattern)
        }
    }

    private func replace(_ text: [UInt8], _ pattern: Pattern) -> [UInt8] {
        var result: [UInt8] = []
        var done = 0
        for match in pattern.matches(in: text) {
            guard result.count < Replacement.longest else { break }
            result += text[done..<match.lowerBound]
            result += content
            done = match.upperBound
        }
        return done == 0 ? text + result : result + text[done...]
    }
}
