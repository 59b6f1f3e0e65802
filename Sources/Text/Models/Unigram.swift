/// The split of a text whose tokens have the highest sum of log-probabilities.
struct Unigram: TokenModel {
    /// The tokens that text may be split into.
    private var trie = ByteTrie()
    private var scores: [Double] = []
    private let unknown: Int?
    /// The score of a character that no token covers.
    private let unknownScore: Double
    /// The tokens <0x00> … <0xFF>, where they stand for unknown characters.
    var fallback: [UInt32]?
    /// SentencePiece adds scores in single precision.
    private let isSingle: Bool

    /// How much worse an unknown character is than the worst token.
    private static let penalty = 10.0

    /// `tokens` are those that text may be split into, `lowest` is the lowest score that counts.
    init(
        tokens: [(text: [UInt8], id: Int, score: Double)], unknown: Int?, lowest: Double,
        isSingle: Bool
    ) {
        (self.unknown, self.isSingle) = (unknown, isSingle)
        let score = lowest - Unigram.penalty
        unknownScore = isSingle ? Double(Float(score)) : score
        for token in tokens where !token.text.isEmpty {
            trie.insert(token.text, value: token.id)
            while scores.count <= token.id { scores.append(0) }
            scores[token.id] = token.score
        }
    }

    /// The best way to a place in the text.
    private struct Step {
        var score = 0.0
        /// Where the last token begins; -1 for a place not reached.
        var start = -1
        /// The last token, or -1 for an unknown character.
        var id = -1
    }

    func encode(_ piece: [UInt8], into ids: inout [Int]) {
        let steps = steps(piece.span)
        // Backwards, unknown characters in a row as one.
        var found: [(id: Int, range: Range<Int>)] = []
        var end = piece.count
        while end > 0 {
            let step = steps[end]
            if step.id < 0, let last = found.last, last.id < 0 {
                found[found.count - 1].range = step.start..<last.range.upperBound
            } else {
                found.append((step.id, step.start..<end))
            }
            end = step.start
        }
        for (id, range) in found.reversed() {
            if id >= 0 { ids.append(id) } else { appendUnknown(piece[range], into: &ids) }
        }
    }

    private func steps(_ text: Span<UInt8>) -> [Step] {
        var steps = [Step](repeating: Step(), count: text.count + 1)
        var start = 0
        while start < text.count {
            let here = steps[start].score
            let length = min(characterLength(text[start]), text.count - start)
            var coversCharacter = false
            var (node, end) = (0, start)
            while end < text.count {
                node = trie.child(node, text[end])
                if node < 0 { break }
                end += 1
                let id = trie.value(node)
                if id < 0 { continue }
                offer(here + scores[id], start, id, &steps[end])
                if end - start == length { coversCharacter = true }
            }
            if !coversCharacter { offer(here + unknownScore, start, -1, &steps[start + length]) }
            start += length
        }
        return steps
    }

    @inline(__always)
    private func offer(_ score: Double, _ start: Int, _ id: Int, _ step: inout Step) {
        let score = isSingle ? Double(Float(score)) : score
        if step.start < 0 || score > step.score {
            step = Step(score: score, start: start, id: id == unknown ? -1 : id)
        }
    }

    private func appendUnknown(_ text: ArraySlice<UInt8>, into ids: inout [Int]) {
        if let fallback {
            let bytes = text.map { fallback[Int($0)] }
            if !bytes.contains(BPE.absent) {
                ids += bytes.map { Int($0) }
                return
            }
        }
        if let unknown { ids.append(unknown) }
    }
}
