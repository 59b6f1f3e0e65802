import Benchmarking
import Files
import Tensors

/// Which cases a command line asks for.
struct BenchCases {
    private(set) var list: [Case] = []
    private var operations: [Operation] = []
    private var sizes: [String: [Int]] = [:]
    private var dtypes: [DType]?
    private var weights: [WeightFormat]?
    private var passes: [Bool]?

    init(_ arguments: Arguments) throws {
        try readWords(arguments.words)
        try readFlags(arguments)
        let isSweep = !sizes.isEmpty || dtypes != nil || passes != nil || weights != nil
        if let path = arguments.text("cases") {
            guard !isSweep else {
                throw BenchmarkError.usage("--cases gives sizes, types and passes: leave them out")
            }
            guard !arguments.has("suite") else {
                throw BenchmarkError.usage("--cases and --suite both name cases: give one of them")
            }
            let text = String(decoding: try readFile(path), as: UTF8.self)
            list = try chosen(Case.list(lines: text, name: path))
        } else if isSweep {
            guard !operations.isEmpty else {
                throw BenchmarkError.usage("sizes need an op: apus bench matmul --m 64")
            }
            try sweep()
        } else {
            list = try chosen(BenchCases.suite(arguments).cases)
        }
        try keep(ids: arguments)
    }

    private static func suite(_ arguments: Arguments) throws(BenchmarkError) -> Suite {
        guard let name = arguments.text("suite") else { return .standard }
        guard let suite = Suite(rawValue: name) else {
            throw .usage(
                "--suite is \(name), but must be one of "
                    + Suite.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return suite
    }

    private func chosen(_ cases: [Case]) -> [Case] {
        operations.isEmpty ? cases : cases.filter { operations.contains($0.operation) }
    }

    private mutating func keep(ids arguments: Arguments) throws {
        if let ids = try arguments.ints("ids") {
            let wanted = Set(ids)
            list = list.filter { wanted.contains($0.id) }
            guard !list.isEmpty else {
                throw BenchmarkError.usage(
                    "--ids \(arguments.text("ids") ?? ""): no case has such an id")
            }
        }
        guard !list.isEmpty else { throw BenchmarkError.usage("no cases are left to measure") }
    }

    /// Ops, "m=1024", "transB", "bf16" and "fwd+bwd": a row's case can be given back as it was printed.
    private mutating func readWords(_ words: [String]) throws(BenchmarkError) {
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map(String.init)
            if let operation = Operation(rawValue: word) {
                operations.append(operation)
            } else if parts.count == 2, BenchCases.sizeNames.contains(parts[0]) {
                let items = parts[1].split(separator: ",", omittingEmptySubsequences: false).map(
                    String.init)
                sizes[parts[0]] = try integers(items, of: parts[0])
            } else if BenchCases.sizeNames.contains(word) {
                sizes[word] = [1]
            } else if let dtype = DType(word) {
                dtypes = (dtypes ?? []) + [dtype]
            } else if let format = WeightFormat(word) {
                weights = (weights ?? []) + [format]
            } else if word == "fwd" || word == "fwd+bwd" {
                passes = (passes ?? []) + [word == "fwd+bwd"]
            } else {
                let known = Operation.allCases.map(\.rawValue) + BenchCases.sizeNames
                throw .usage(Arguments.unknown(word, among: known, "bench"))
            }
        }
    }

    private static let sizeNames: [String] = {
        Array(Set(Operation.allCases.flatMap(\.parameters).map(\.name))).sorted()
    }()

    private mutating func readFlags(_ arguments: Arguments) throws(BenchmarkError) {
        for name in BenchCases.sizeNames where arguments.has(name) {
            let isSwitch = arguments.text(name) == ""
            sizes[name] = isSwitch ? [1] : try arguments.ints(name)
        }
        if let names = try arguments.list("dtype") {
            dtypes = try names.map { name throws(BenchmarkError) in
                guard let dtype = DType(name) else { throw .usage("--dtype: unknown type \(name)") }
                return dtype
            }
        }
        if let names = try arguments.list("weights") {
            weights = try names.map { name throws(BenchmarkError) in
                guard let format = WeightFormat(name) else {
                    throw .usage(
                        "--weights: unknown format \(name); there are "
                            + WeightFormat.names.joined(separator: ", "))
                }
                return format
            }
        }
        if let names = try arguments.list("pass") {
            passes = try names.map { name throws(BenchmarkError) in
                guard name == "fwd" || name == "fwd+bwd" else {
                    throw .usage("--pass is \(name), but must be fwd or fwd+bwd")
                }
                return name == "fwd+bwd"
            }
        }
    }

    /// Every combination of the sizes, in the order of the op's parameters.
    private mutating func sweep() throws(BenchmarkError) {
        for operation in operations {
            let names = operation.parameters.map(\.name)
            if let stray = sizes.keys.first(where: { !names.contains($0) }) {
                throw .usage(
                    "\(operation.rawValue) has no size \(stray); it has \(names.joined(separator: ", "))"
                )
            }
            var combinations: [[String: Int]] = [[:]]
            for name in names {
                guard let values = sizes[name] else { continue }
                guard combinations.count * values.count <= 100_000 else {
                    throw .usage("\(operation.rawValue): more than 100000 combinations of sizes")
                }
                combinations = combinations.flatMap { base in
                    values.map { base.merging([name: $0]) { $1 } }
                }
            }
            for combination in combinations {
                try add(operation, combination)
            }
        }
    }

    /// One combination of sizes in every type, weight format and pass.
    private mutating func add(
        _ operation: Operation, _ sizes: [String: Int]
    ) throws(BenchmarkError) {
        for dtype in dtypes ?? [.f32] {
            for format in weights.map({ $0.map(Optional.some) }) ?? [nil] {
                for backward in passes ?? [false] {
                    list.append(
                        try Case(
                            id: list.count, operation, sizes, dtype: dtype, weights: format,
                            backward: backward))
                }
            }
        }
    }
}
