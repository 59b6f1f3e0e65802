import Files
import Support
import Tensors
import Testing

/// Every fixture on every device of this machine: outputs and gradients.
@Suite struct ConformanceTests {
    static let fixtures = Fixtures.folder
    static let cases = ((try? manifests(below: fixtures)) ?? []).flatMap {
        (try? conformanceCases(manifest: $0)) ?? []
    }

    @Test func thereAreFixtures() {
        #expect(Self.cases.count > 250)
    }

    @Test(arguments: cases)
    func onTheCPU(test: ConformanceCase) {
        #expect(test.run(on: .cpu) == .passed)
    }

    @Test(.enabled(if: Device.openCLCount > 0), arguments: cases)
    func onOpenCL(test: ConformanceCase) throws {
        #expect(test.run(on: try .opencl(0)) == .passed)
    }

    @Test func anUnknownOpFailsByName() throws {
        let entry = JSON.object([
            .init(key: "name", value: .string("x")), .init(key: "op", value: .string("frobnicate")),
        ])
        let test = try ConformanceCase(entry, folder: "ops")
        #expect(test.run(on: .cpu) == .failed("unknown op frobnicate"))
    }
}

/// Where the fixtures lie: beside this source.
enum Fixtures {
    static let folder =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/Fixtures"
}
