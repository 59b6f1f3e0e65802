import Files
import Glibc
import Testing

@testable import Transformers

@Suite struct PerplexityTests {
    static let model = MadeUpModel(vocabulary: 13)
    static let tokens = (0..<70).map { ($0 * $0 + 3) % 13 }

    static func windows(size: Int, start: Int? = nil) -> TextWindows {
        TextWindows(tokens, size: size, start: start)
    }

    static func measured(_ windows: TextWindows, batch: Int) -> Perplexity {
        let reader = WindowReader(model, windows, batch: batch)
        var perplexity = Perplexity(windows)
        for i in windows.ranges.indices { perplexity.add(i, reader.logits(i)) }
        return perplexity
    }

    /// By the definition: windows of c tokens, the first one replaced, positions c / 2 + 1 … c - 1 scored.
    @Test(arguments: [8, 9, 32], [nil, 5] as [Int?])
    func perplexityIsThatOfTheDefinition(size: Int, start: Int?) {
        var losses: [Double] = []
        for window in 0..<Self.tokens.count / size {
            var tokens = Array(Self.tokens[window * size..<(window + 1) * size])
            let targets = tokens
            if let start { tokens[0] = start }
            for i in size / 2 + 1..<size {
                let logits = Self.model.logits(after: Array(tokens[..<i])).map { Double($0) }
                let total = log(logits.reduce(0) { $0 + exp($1) })
                losses.append(total - logits[targets[i]])
            }
        }
        let mean = losses.reduce(0, +) / Double(losses.count)
        for batch in [3, 512] {
            let found = Self.measured(Self.windows(size: size, start: start), batch: batch)
            #expect(found.losses.count == losses.count)
            #expect(abs(found.value.mean - exp(mean)) < 1e-4 && found.value.error > 0)
        }
    }

    @Test func aModelDoesNotDivergeFromItself() throws {
        let path = "/tmp/apus-expectations-\(getpid())"
        defer { unlink(path) }
        let windows = Self.windows(size: 16, start: 1)
        let reader = WindowReader(Self.model, windows)
        let writer = try ExpectationWriter(path, windows, vocabulary: 13)
        for i in windows.ranges.indices { try writer.append(reader.logits(i)) }
        #expect(!exists(path))
        try writer.finish()
        let file = try ExpectationFile(reading: path)
        let again = try file.windows(for: Self.model, start: 1)
        #expect(again.ranges == windows.ranges)
        var other = Self.model
        other.seed = 4
        for (model, isSame) in [(Self.model, true), (other, false)] {
            let reader = WindowReader(model, again)
            var perplexity = Perplexity(again)
            for i in again.ranges.indices {
                perplexity.add(i, reader.logits(i), base: file.rows(i))
            }
            let comparison = try #require(perplexity.comparison)
            #expect((abs(comparison.divergence.mean) < 1e-4) == isSame)
            #expect((comparison.agreement == 1) == isSame)
            #expect((abs(comparison.ratio(perplexity.losses).mean - 1) < 1e-3) == isSame)
            #expect(comparison.quantile(1) >= comparison.quantile(0.5))
        }
    }

    @Test func theDivergenceIsThatOfTheDefinition() {
        var comparison = ExpectationComparison()
        let (p, q): ([Float], [Float]) = ([0.5, 0.25, 0.25], [0.25, 0.5, 0.25])
        comparison.add(q.map { logf($0) }, p.map { logf($0) }, 1)
        #expect(abs(comparison.divergence.mean - 0.25 * log(2)) < 1e-6)
        #expect(abs(comparison.shift - 0.25) < 1e-6 && comparison.agreement == 0)
    }

    @Test func brokenFilesAreRefused() throws {
        let path = "/tmp/apus-broken-expectations-\(getpid())"
        defer { unlink(path) }
        let head = Array("_logits_".utf8)
        let huge = [UInt8](repeating: 0x7f, count: 12)
        for bytes in [[], head, head + huge, head + [8, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]] {
            try writeFile(path, [bytes])
            #expect(throws: FileError.self) { try ExpectationFile(reading: path) }
        }
    }
}
