import Glibc
import Testing
import Transformers

@Suite struct BeamSearchTests {
    static let model = MadeUpModel(vocabulary: 4)
    static let prompt = [1, 2]

    /// Every continuation: those that end, and those of full length.
    static func all(_ length: Int, ends: Set<Int>) -> [(tokens: [Int], score: Double)] {
        func grow(_ tokens: [Int], _ sum: Double) -> [(tokens: [Int], score: Double)] {
            if tokens.count == length || tokens.last.map({ ends.contains($0) }) == true {
                return [(tokens, sum / Double(tokens.count))]
            }
            let logits = model.logits(after: prompt + tokens).map { Double($0) }
            let total = log(logits.reduce(0) { $0 + exp($1) })
            return (0..<4).flatMap { grow(tokens + [$0], sum + logits[$0] - total) }
        }
        return grow([], 0).sorted { $0.score > $1.score }
    }

    @Test(arguments: [[], [0], [3], [1, 2]])
    func enoughBeamsFindTheBestOfAll(ends: [Int]) {
        let expected = Self.all(4, ends: Set(ends))
        let search = BeamSearch(beams: 256, newTokens: 4, ends: Set(ends))
        let found = search(Self.prompt, with: Self.model)
        #expect(found.prefix(5).map(\.tokens) == expected.prefix(5).map(\.tokens))
        for (beam, other) in zip(found, expected) { #expect(abs(beam.score - other.score) < 1e-5) }
    }

    @Test func oneBeamIsGreedy() {
        var tokens = Self.prompt
        for _ in 0..<12 {
            let logits = Self.model.logits(after: tokens)
            tokens.append(logits.firstIndex(of: logits.max() ?? 0) ?? 0)
        }
        let found = BeamSearch(beams: 1, newTokens: 12)(Self.prompt, with: Self.model)
        #expect(found.map { Self.prompt + $0.tokens } == [tokens])
    }

    @Test(arguments: [2, 3, 5, 8])
    func moreBeamsFindNothingThatIsWorse(beams: Int) {
        let one = BeamSearch(beams: 1, newTokens: 10)(Self.prompt, with: Self.model)
        let many = BeamSearch(beams: beams, newTokens: 10)(Self.prompt, with: Self.model)
        #expect(many.count == beams && many[0].score >= one[0].score - 1e-9)
        #expect(many.map(\.score) == many.map(\.score).sorted(by: >))
        #expect(Set(many.map(\.tokens)).count == beams)
    }
}
