package import Files
package import Tensors

/// One workload: an operation, its sizes, its type and whether gradients are included.
package struct Case: Sendable, Equatable {
    package var id: Int
    package var operation: Operation
    /// A value for each of the operation's parameters.
    package private(set) var sizes: [String: Int]
    package var dtype: DType
    /// How the weights are kept, where not as numbers of `dtype`.
    package let weights: WeightFormat?
    package var backward: Bool
    package var note: String
    /// Multiply-adds count twice. Bytes: every input read once and every output written once.
    package var flops: Double
    package var bytes: Double

    /// A case with defaults filled in and its values checked against each other.
    package init(
        id: Int = 0, _ operation: Operation, _ sizes: [String: Int] = [:], dtype: DType = .f32,
        weights: WeightFormat? = nil, backward: Bool = false, note: String = ""
    ) throws(BenchmarkError) {
        self.id = id
        self.operation = operation
        self.dtype = dtype
        self.weights = weights
        self.backward = backward || operation.isAlwaysBackward
        self.note = note
        self.sizes = [:]
        (flops, bytes) = (0, 0)
        try fill(sizes)
        try check()
        if let weights { try check(weights) }
        (flops, bytes) = cost
    }

    package subscript(name: String) -> Int { sizes[name] ?? 0 }

    private mutating func fill(_ given: [String: Int]) throws(BenchmarkError) {
        for parameter in operation.parameters {
            guard let value = given[parameter.name] ?? parameter.initial else {
                throw .usage("\(operation.rawValue): \(parameter.name) is missing")
            }
            let most = parameter.isSwitch ? 1 : 1 << 30
            guard value >= parameter.least || value == parameter.initial, value <= most else {
                throw .usage(
                    "\(operation.rawValue): \(parameter.name) is \(value), but must be in "
                        + "\(parameter.least) ... \(most)")
            }
            sizes[parameter.name] = value
        }
        if weights != nil && operation == .matmul { sizes["transB"] = 1 }
        if operation == .attention {
            if self["hkv"] == 0 { sizes["hkv"] = self["h"] }
            if self["tk"] == 0 { sizes["tk"] = self["tq"] }
        }
    }

    private func check() throws(BenchmarkError) {
        let name = operation.rawValue
        func need(_ holds: Bool, _ text: @autoclosure () -> String) throws(BenchmarkError) {
            if !holds { throw .usage("\(name): \(text())") }
        }
        try need(
            operation.dtypes.contains(dtype), "no \(dtype); it takes \(operation.dtypes.listed)")
        try need(operation.hasBackward || !backward, "only its forward pass is measured")
        switch operation {
        case .conv2d, .convTranspose2d:
            let groups = operation == .conv2d ? self["groups"] : 1
            try need(
                self["cin"] % groups == 0 && self["cout"] % groups == 0,
                "\(self["cin"]) and \(self["cout"]) channels in \(groups) groups")
            try need(
                outputHeight > 0 && outputWidth > 0, "no output is left of h, w, k, stride and pad")
        case .attention:
            try need(self["h"] % self["hkv"] == 0, "h is no multiple of hkv")
            try need(self["causal"] == 0 || self["tq"] == self["tk"], "causal needs tq = tk")
        case .rope: try need(self["d"] % 2 == 0, "d must be even")
        case .groupNormSilu: try need(self["c"] % self["groups"] == 0, "c is no multiple of groups")
        default: break
        }
    }

    /// Quantised weights are those of a product with one matrix, (n, k), or in int8 those of a convolution.
    private func check(_ weights: WeightFormat) throws(BenchmarkError) {
        func need(_ holds: Bool, _ text: String) throws(BenchmarkError) {
            if !holds {
                throw .usage("\(operation.rawValue) with \(weights.name) weights: \(text)")
            }
        }
        try need(
            operation == .matmul || operation == .conv2d, "only matmul and conv2d have weights")
        try need(!backward, "only the forward pass is measured")
        if operation == .conv2d {
            try need(weights == .int8, "a convolution's are int8")
        } else {
            try need(self["batch"] == 1 && self["transA"] == 0, "no batch, no transA")
            try need(
                self["k"] % weights.blockValues == 0, "k is no multiple of \(weights.blockValues)")
        }
    }

    /// Rows of a convolution's result.
    package var outputHeight: Int { output(self["h"]) }
    package var outputWidth: Int { output(self["w"]) }

    private func output(_ length: Int) -> Int {
        let (k, stride, pad) = (self["k"], self["stride"], self["pad"])
        if operation == .convTranspose2d { return (length - 1) * stride - 2 * pad + k }
        let room = length + 2 * pad - k
        return room < 0 ? 0 : room / stride + 1
    }
}

extension [DType] {
    package var listed: String { map(\.description).joined(separator: ", ") }
}

// MARK: as text

extension Case {
    /// "fwd" or "fwd+bwd".
    package var pass: String { backward ? "fwd+bwd" : "fwd" }

    /// What is computed, apart from where: "matmul m=64 n=64 k=64 transB f32". `apus bench` takes it as it stands.
    package var description: String {
        var words = [operation.rawValue]
        for parameter in operation.parameters where self[parameter.name] != shownDefault(parameter)
        {
            words.append(
                parameter.isSwitch ? parameter.name : "\(parameter.name)=\(self[parameter.name])")
        }
        words.append(dtype.description)
        if let weights { words.append(weights.name) }
        if backward { words.append("fwd+bwd") }
        return words.joined(separator: " ")
    }

    /// Sizes are always shown; switches and factors of 1 only where they are set.
    private func shownDefault(_ parameter: Parameter) -> Int? {
        if parameter.isSwitch { return 0 }
        switch parameter.name {
        case "batch", "groups", "stride": return 1
        case "pad": return 0
        default: return nil
        }
    }

    /// As a line of a cases file.
    package var json: JSON {
        var members = [JSON.Member(key: "id", value: JSON(id))]
        members.append(JSON.Member(key: "op", value: .string(operation.rawValue)))
        for parameter in operation.parameters {
            let value = self[parameter.name]
            members.append(
                JSON.Member(
                    key: parameter.name, value: parameter.isSwitch ? .bool(value == 1) : JSON(value)
                ))
        }
        members.append(JSON.Member(key: "dtype", value: .string(dtype.description)))
        if let weights {
            members.append(JSON.Member(key: "weights", value: .string(weights.name)))
        }
        if operation != .matmul {
            members.append(JSON.Member(key: "pass", value: .string(pass)))
        }
        if !note.isEmpty { members.append(JSON.Member(key: "why", value: .string(note))) }
        members.append(JSON.Member(key: "flops", value: .number(flops)))
        members.append(JSON.Member(key: "bytes", value: .number(bytes)))
        return .object(members)
    }
}

// MARK: reading

extension Case {
    /// The cases of a file's lines. The first broken line stops: its error says "name:line: what".
    package static func list(lines text: String, name: String) throws(BenchmarkError) -> [Case] {
        var cases: [Case] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            guard line.contains(where: { !$0.isWhitespace }) else { continue }
            let json = try JSON.line(line, of: name, number: number + 1)
            do {
                cases.append(try Case(json: json, otherwise: cases.count))
            } catch {
                throw .usage("\(name):\(number + 1): \(error)")
            }
        }
        guard !cases.isEmpty else { throw .usage("\(name): no cases in it") }
        return cases
    }

    /// From a line of a cases file; `id` where the line gives none.
    package init(json: JSON, otherwise id: Int) throws(BenchmarkError) {
        guard case .object = json else { throw .usage("not an object") }
        guard let name = json["op"]?.string else { throw .usage("\"op\" is missing") }
        guard let operation = Operation(rawValue: name) else {
            throw .usage("unknown op \"\(name)\"")
        }
        var sizes: [String: Int] = [:]
        for parameter in operation.parameters {
            guard let value = json[parameter.name] else {
                if parameter.isSwitch || parameter.initial.map({ $0 <= 1 }) == true { continue }
                throw .usage("\(name): \"\(parameter.name)\" is missing")
            }
            sizes[parameter.name] = try Case.whole(value, parameter)
        }
        var dtype = DType.f32
        if let given = json["dtype"] {
            guard let found = given.string.flatMap({ DType($0) }) else {
                throw .usage("\(name): unknown dtype \(given.text)")
            }
            dtype = found
        }
        var weights: WeightFormat?
        if let given = json["weights"] {
            weights = given.string.flatMap { WeightFormat($0) }
            guard weights != nil else {
                throw .usage(
                    "\(name): \"weights\" is \(given.text), but must be one of "
                        + WeightFormat.names.joined(separator: ", "))
            }
        }
        let pass = json["pass"] ?? .string("fwd")
        guard ["fwd", "fwd+bwd"].contains(pass.string) else {
            throw .usage("\(name): \"pass\" is \(pass.text), but must be \"fwd\" or \"fwd+bwd\"")
        }
        try self.init(
            id: json["id"]?.int ?? id, operation, sizes, dtype: dtype, weights: weights,
            backward: pass.string == "fwd+bwd",
            note: json["why"]?.string ?? "")
        if let given = json["flops"]?.double, given >= 0 { flops = given }
        if let given = json["bytes"]?.double, given >= 0 { bytes = given }
    }

    private static func whole(_ value: JSON, _ parameter: Parameter) throws(BenchmarkError) -> Int {
        if parameter.isSwitch {
            guard case .bool(let on) = value else {
                throw .usage("\"\(parameter.name)\" is \(value.text), but must be true or false")
            }
            return on ? 1 : 0
        }
        guard let whole = value.int else {
            throw .usage("\"\(parameter.name)\" is \(value.text), but must be a whole number")
        }
        return whole
    }
}
