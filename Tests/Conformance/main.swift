// conformance FOLDER [--device cpu|opencl:0] [--only ops,gguf/blocks] [--verbose]
//
// Runs every case of every manifest.json below the folder and closes with `N passed, N failed, N skipped`.
import Files
import Glibc
import Support
import Tensors

struct Options {
    var folder = ""
    var device = "cpu"
    var only: [String] = []
    var isVerbose = false
    var json: String?
}

func fail(_ text: String, code: Int32) -> Never {
    let line = Array("conformance: \(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(code)
}

func parse(_ arguments: [String]) -> Options {
    var options = Options()
    var rest = arguments[...]
    while let word = rest.popFirst() {
        switch word {
        case "--verbose": options.isVerbose = true
        case "--device", "--only", "--json":
            guard let value = rest.popFirst() else { fail("\(word) needs a value", code: 2) }
            if word == "--device" { options.device = value }
            if word == "--json" { options.json = value }
            if word == "--only" { options.only = value.split(separator: ",").map(String.init) }
        case _ where word.hasPrefix("-") || !options.folder.isEmpty:
            fail("unknown argument \(word)", code: 2)
        default: options.folder = word
        }
    }
    if options.folder.isEmpty {
        fail(
            "usage: conformance FOLDER [--device D] [--only a,b] [--json FILE] [--verbose]", code: 2
        )
    }
    return options
}

func run(_ options: Options) throws -> Bool {
    let device = try Device.named(options.device)
    var counts = (passed: 0, failed: 0, skipped: 0)
    var rows: [String] = []
    for manifest in try manifests(below: options.folder) {
        let place = manifest.dropFirst(options.folder.count).drop { $0 == "/" }.dropLast(
            "manifest.json".count)
        let wanted = options.only.isEmpty || options.only.contains { place.hasPrefix("\($0)/") }
        // A folder that is itself the family has no place below it.
        guard wanted || (place.isEmpty && options.only.contains { options.folder.hasSuffix($0) })
        else { continue }
        for test in try conformanceCases(manifest: manifest) {
            let verdict = test.run(on: device)
            switch verdict {
            case .passed: counts.passed += 1
            case .skipped: counts.skipped += 1
            case .failed(let problem):
                counts.failed += 1
                print("FAILED \(place)\(test.name): \(problem)")
                fflush(nil)  // a case that traps must not take the lines before it along
            }
            if options.isVerbose && verdict == .passed { print("passed \(place)\(test.name)") }
            if options.json != nil, verdict != .skipped {
                rows.append(
                    JSON.object([
                        .init(key: "case", value: .string("\(place)\(test.name)")),
                        .init(key: "device", value: .string(device.name)),
                        .init(key: "passed", value: .bool(verdict == .passed)),
                    ]).text + "\n")
            }
        }
    }
    if let path = options.json { try writeFile(path, [Array(rows.joined().utf8)]) }
    print("\(counts.passed) passed, \(counts.failed) failed, \(counts.skipped) skipped")
    return counts.failed == 0
}

do {
    exit(try run(parse(Array(CommandLine.arguments.dropFirst()))) ? 0 : 1)
} catch {
    fail("\(error)", code: 1)
}
