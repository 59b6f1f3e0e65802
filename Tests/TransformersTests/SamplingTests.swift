import Files
import Glibc
import Tensors
import Testing

@testable import Transformers

@Suite struct SelectionTests {
    static let numbers: [Float] = {
        let made = MadeUpModel(vocabulary: 5000).logits(after: [1])
        return made.map { ($0 * 100).rounded() / 100 }  // with equal ones
    }()

    @Test(arguments: [0, 1, 2, 5, 64, 65, 300, 4999, 5000, 6000])
    func theLargestAreThoseOfASort(count: Int) {
        let sorted = Self.numbers.indices.sorted {
            (Self.numbers[$0], $1) > (Self.numbers[$1], $0)
        }
        #expect(largest(count, of: Self.numbers) == Array(sorted.prefix(count)))
    }

    @Test func whatIsNoNumberIsNotChosen() {
        let numbers: [Float] = [.nan, -.infinity, 1, .nan, 3]
        #expect(largest(4, of: numbers) == [4, 2, 1])
        #expect(largest(of: numbers) == 4)
        #expect(largest(of: [.nan, .nan]) == nil && largest(3, of: []).isEmpty)
    }

    @Test func theSumOfExponentialsDoesNotOverflow() {
        #expect(abs(logSumExp([1000, 1000]) - (1000 + log(2))) < 1e-9)
        #expect(logSumExp([-.infinity]) == -.infinity)
    }
}

@Suite struct FilterTests {
    /// Probabilities 0.4, 0.3, 0.2, 0.1 for the tokens 2, 0, 3, 1.
    static let logits: [Float] = [0.3, 0.1, 0.4, 0.2].map { logf($0) }

    @Test(arguments: [
        (LogitFilter.topK(2), [0, 2]), (.topK(0), [0, 1, 2, 3]), (.topK(9), [0, 1, 2, 3]),
        (.topP(0.3), [2]), (.topP(0.65), [0, 2]), (.topP(0.75), [0, 2, 3]),
        (.topP(1), [0, 1, 2, 3]), (.minP(0.6), [0, 2]), (.minP(1), [2]), (.minP(0), [0, 1, 2, 3]),
        (.typical(0.25), [0]), (.epsilon(0.15), [0, 2, 3]), (.epsilon(0.9), [2]),
        (.temperature(0), [2]), (.temperature(0.5), [0, 1, 2, 3]),
    ])
    func theTokensThatAFilterKeeps(filter: LogitFilter, kept: [Int]) {
        let probabilities = SamplerChain([], [filter]).probabilities(Self.logits, after: [])
        #expect(probabilities.indices.filter { probabilities[$0] > 0 } == kept)
        #expect(abs(probabilities.reduce(0, +) - 1) < 1e-5)
    }

    @Test(arguments: [
        (LogitPenalty.bias([1: 5, 99: 1]), [0.1, 5.2, 0.3, -0.4]),
        (.repetition(2, last: 8), [0.05, 0.1, 0.3, -0.8]),
        (.repetition(2, last: 1), [0.1, 0.2, 0.3, -0.8]),
        (.presence(1, frequency: 0.5, last: 8), [-1.9, -1.3, 0.3, -1.9]),
        (.repeatedRun(2), [0.1, 0.2, 0.3, -0.4]), (.repeatedRun(0), [0.1, 0.2, 0.3, -0.4]),
        (.repeatedRun(1), [-.infinity, -.infinity, 0.3, -.infinity]),
    ])
    func whatAPenaltyTakes(penalty: LogitPenalty, expected: [Float]) {
        var logits: [Float] = [0.1, 0.2, 0.3, -0.4]
        penalty.apply(to: &logits, after: [0, 1, 0, 3])
        for (a, b) in zip(logits, expected) { #expect(a == b || abs(a - b) < 1e-6) }
    }

    @Test(arguments: [0.05, 0.3, 0.7, 0.9, 0.99, 0.9999] as [Float])
    func theNucleusOfManyIsThatOfASort(share: Float) {
        let logits = SelectionTests.numbers
        let sorted = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }
        var left = Double(share) * logits.reduce(0) { $0 + exp(Double($1)) }
        let count =
            sorted.firstIndex { place in
                left -= exp(Double(logits[place]))
                return left <= 0
            }.map { $0 + 1 } ?? sorted.count
        let kept = SamplerChain([], [.topP(share)]).probabilities(logits, after: [])
            .indices(where: { $0 > 0 }).ranges.reduce(0) { $0 + $1.count }
        #expect((count - 1...count + 1).contains(kept))
    }

    @Test func aRunIsNotRepeated() {
        var logits = [Float](repeating: 0, count: 5)
        LogitPenalty.repeatedRun(3).apply(to: &logits, after: [1, 2, 3, 0, 1, 2])
        #expect(logits == [0, 0, 0, -.infinity, 0])
    }
}

@Suite struct SamplerChainTests {
    static let model = MadeUpModel(vocabulary: 50)

    static func text(_ settings: SamplerSettings, _ count: Int = 40) -> [Int] {
        var chain = SamplerChain(settings)
        var tokens = [7]
        for _ in 0..<count {
            tokens.append(chain.next(model.logits(after: tokens), after: tokens) ?? -1)
        }
        return tokens
    }

    @Test func aSeedReproduces() {
        var settings = SamplerSettings()
        #expect(Self.text(settings) == Self.text(settings))
        let first = Self.text(settings)
        settings.seed = 1
        #expect(Self.text(settings) != first)
        settings.mirostat = Mirostat(version: 2, tau: 3)
        #expect(Self.text(settings) == Self.text(settings))
    }

    @Test func drawsFollowTheProbabilities() {
        let logits: [Float] = [0.5, 0.1, 0.15, 0.25].map { logf($0) }
        var chain = SamplerChain([], [], seed: 3)
        var counts = [0, 0, 0, 0]
        for _ in 0..<20_000 { counts[chain.next(logits, after: []) ?? 0] += 1 }
        for (count, p) in zip(counts, [0.5, 0.1, 0.15, 0.25]) {
            #expect(abs(Double(count) / 20_000 - p) < 0.012)
        }
    }

    @Test func randomNumbersAreThoseOfTheTensors() {
        var key = RandomKey(seed: 0x1234_5678_9abc)
        let words = key.bits([8], on: .cpu).scalars(as: Int32.self)
        let philox = Philox(seed: 0x1234_5678_9abc)
        for i in 0..<8 {
            #expect(UInt32(bitPattern: words[i]) == philox.block(counter: UInt64(i / 4))[i % 4])
        }
    }

    @Test(arguments: [1, 2], [Float(1), 2, 3])
    func mirostatKeepsTheSurpriseNearItsGoal(version: Int, tau: Float) {
        var settings = SamplerSettings()
        settings.temperature = 1
        settings.mirostat = Mirostat(version: version, tau: tau)
        var chain = SamplerChain(settings)
        var tokens = [7]
        var limits: [Float] = []
        for _ in 0..<600 {
            tokens.append(chain.next(Self.model.logits(after: tokens), after: tokens) ?? -1)
            limits.append(chain.limit)
        }
        // The limit moves by the eta-fold of what the surprise is off.
        let meanError = (limits[599] - limits[99]) / 500 / 0.1
        #expect(abs(meanError) < 0.1)
    }

    @Test func chancesAreThoseOfTheSoftmax() {
        let chances = TokenChances(FilterTests.logits, chosen: 3, top: 2)
        #expect(abs(expf(chances.chosen.logProbability) - 0.2) < 1e-6)
        #expect(chances.top.map(\.token) == [2, 0])
    }

    @Test func noTokenWhereNothingIsANumber() {
        var greedy = SamplerChain(.greedy)
        var drawing = SamplerChain(SamplerSettings())
        let broken = [Float](repeating: .nan, count: 90)
        #expect(greedy.next(broken, after: []) == nil && drawing.next(broken, after: []) == nil)
    }

    @Test func settingsSurviveJSON() throws {
        var settings = SamplerSettings()
        settings.bias = [3: -2.5]
        settings.mirostat = Mirostat(version: 1)
        let json = JSON(encoding: settings)
        #expect(try json.decoded(SamplerSettings.self, path: "test") == settings)
    }
}
