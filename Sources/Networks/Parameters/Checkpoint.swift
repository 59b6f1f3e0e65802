public import Files
public import Tensors

/// Named tensors from which a network's parameters are read.
///
/// Files have PyTorch's layouts (pictures and convolutions channels-first), memory has channels-last ones; a parameter's
/// role says how to get from one to the other.
public struct Checkpoint: Sendable {
    /// For messages: the file's path.
    public let origin: String
    public let names: [String]
    /// By a tensor's name, its shape in the file: known without reading it.
    let shapes: [String: [Int]]
    /// Whether the tensors have files' layouts.
    let isFileLayout: Bool
    /// f32 unless another type is to be kept; nil keeps each tensor's own.
    let dtype: DType?
    /// By a weight's name, the names of its parts.
    let quantizedParts: [String: [String]]
    let fetch: @Sendable (String) throws -> Tensor?
    /// Matrices that are stored in few bits as a whole; nil for the others.
    let fetchQuantized: @Sendable (String, Device) throws -> QuantizedTensor?

    /// Tensors as they lie in memory (a `snapshot`).
    public init(_ tensors: [String: Tensor], origin: String = "the tensors") {
        self.origin = origin
        names = tensors.keys.sorted()
        shapes = tensors.mapValues(\.shape)
        isFileLayout = false
        dtype = .f32
        quantizedParts = [:]
        fetch = { tensors[$0] }
        fetchQuantized = { _, _ in nil }
    }

    /// Tensors with files' layouts, read before.
    public init(fileTensors: [String: Tensor], origin: String) {
        self.init(origin, fileTensors.mapValues(\.shape), .f32) { fileTensors[$0] }
    }

    /// Tensors with files' layouts. Each is read when its parameter is made, in f32, or in `dtype`; nil: in its own type.
    public init(_ file: SafetensorsFile, as dtype: DType? = .f32) {
        let shapes = Dictionary(file.entries.map { ($0.name, $0.shape) }) { first, _ in first }
        self.init(file.path, shapes, dtype) {
            file.contains($0) ? try file.tensor($0, on: .cpu) : nil
        }
    }

    /// Tensors with files' layouts from anywhere.
    ///
    /// - Parameters:
    ///   - shapes: of the tensors by name.
    ///   - dtype: to which floats are converted; nil keeps each tensor's own type.
    ///   - quantized: gives a matrix that is stored in few bits, else nil.
    package init(
        origin: String, shapes: [String: [Int]], as dtype: DType?,
        fetch: @escaping @Sendable (String) throws -> Tensor?,
        quantized: @escaping @Sendable (String, Device) throws -> QuantizedTensor?
    ) {
        self.init(
            origin: origin, names: shapes.keys.sorted(), shapes: shapes, isFileLayout: true,
            dtype: dtype, quantizedParts: [:], fetch: fetch, fetchQuantized: quantized)
    }

    /// Of a tensor as it is stored; nil: there is none.
    package func shape(_ name: String) throws -> [Int]? { try fetch(name)?.shape }

    /// The parts of a quantised weight "NAME/FORMAT/0", "NAME/FORMAT/1", … count as one name.
    private init(
        _ origin: String, _ entries: [String: [Int]], _ dtype: DType?,
        fetch: @escaping @Sendable (String) throws -> Tensor?
    ) {
        var parts: [String: [String]] = [:]
        for entry in entries.keys where entry.contains("/") {
            parts[String(entry.prefix { $0 != "/" }), default: []].append(entry)
        }
        let plain = entries.filter { !$0.key.contains("/") }
        self.init(
            origin: origin, names: (Array(plain.keys) + parts.keys).sorted(), shapes: plain,
            isFileLayout: true, dtype: dtype, quantizedParts: parts, fetch: fetch,
            fetchQuantized: { _, _ in nil })
    }

    /// As above, with another name for each tensor of the file; nil leaves it out.
    public func renamed(_ rename: (String) -> String?) -> Checkpoint {
        var original: [String: String] = [:]
        for name in names { rename(name).map { original[$0] = name } }
        let (map, fetch) = (original, self.fetch)
        let parts = map.compactMapValues { quantizedParts[$0] }
        return Checkpoint(
            origin: origin, names: map.keys.sorted(), shapes: map.compactMapValues { shapes[$0] },
            isFileLayout: isFileLayout, dtype: dtype, quantizedParts: parts,
            fetch: { name in
                if name.contains("/") { return try fetch(name) }
                return try map[name].flatMap { try fetch($0) }
            },
            fetchQuantized: { [fetchQuantized] name, device in
                try map[name].flatMap { try fetchQuantized($0, device) }
            })
    }

    private init(
        origin: String, names: [String], shapes: [String: [Int]], isFileLayout: Bool,
        dtype: DType?, quantizedParts: [String: [String]],
        fetch: @escaping @Sendable (String) throws -> Tensor?,
        fetchQuantized: @escaping @Sendable (String, Device) throws -> QuantizedTensor?
    ) {
        self.origin = origin
        self.names = names
        self.shapes = shapes
        self.isFileLayout = isFileLayout
        self.dtype = dtype
        self.quantizedParts = quantizedParts
        self.fetch = fetch
        self.fetchQuantized = fetchQuantized
    }

    func value(_ name: String, _ shape: [Int], _ role: ParameterRole, on device: Device)
        throws(ParameterProblem) -> Tensor
    {
        let found: Tensor?
        do { found = try fetch(name) } catch { throw .unreadable(name, "\(error)") }
        guard var tensor = found else { throw .missing(name, shape) }
        if isFileLayout {
            let expected = role.fileShape(shape)
            guard tensor.shape == expected else { throw .misshapen(name, tensor.shape, expected) }
            tensor = role.fromFile(tensor).contiguous()
        }
        guard tensor.shape == shape else { throw .misshapen(name, tensor.shape, shape) }
        // Norms' weights and biases are f32 whatever the rest is.
        let own = role == .vector && tensor.dtype.isFloat ? .f32 : tensor.dtype
        return tensor.detached.cast(to: dtype ?? own).to(device)
    }
}

extension Checkpoint {
    /// What is wrong with a parameter by the file's shapes alone.
    func problem(_ name: String, _ shape: [Int], _ role: ParameterRole) -> ParameterProblem? {
        guard let found = shapes[name] else {
            return quantizedParts[name] == nil && role != .adapter ? .missing(name, shape) : nil
        }
        let expected = isFileLayout ? role.fileShape(shape) : shape
        return found == expected ? nil : .misshapen(name, found, expected)
    }
}

/// What is wrong with one name of a checkpoint.
public enum ParameterProblem: Error, Sendable, Equatable {
    case missing(String, [Int])
    case extra(String)
    case misshapen(String, [Int], [Int])
    case unreadable(String, String)
}

/// A checkpoint that does not fit the network: every name that is missing, unknown or wrongly shaped.
public struct CheckpointError: Error, CustomStringConvertible, Sendable {
    public let origin: String
    public let problems: [ParameterProblem]

    public var description: String {
        let lines = problems.map { problem in
            switch problem {
            case .missing(let name, let shape): "\(name) \(shape) is missing"
            case .extra(let name): "\(name) is not known"
            case .misshapen(let name, let found, let wanted):
                "\(name) has the shape \(found) and should have \(wanted)"
            case .unreadable(let name, let reason): "\(name): \(reason)"
            }
        }
        let shown = 20
        let rest = lines.count > shown ? "; and \(lines.count - shown) more" : ""
        return "\(origin) does not fit the network: "
            + lines.prefix(shown).joined(separator: "; ") + rest
    }
}

extension ParameterStore {
    /// A network with the weights of a checkpoint.
    ///
    ///     let (model, store) = try ParameterStore.load(checkpoint) { GPT($0, configuration) }
    ///
    /// - Parameter ignoring: names of the checkpoint that need not be known.
    public static func load<Model>(
        _ checkpoint: Checkpoint, on device: Device = .default,
        ignoring: (String) -> Bool = { _ in false }, _ build: (ParameterScope) throws -> Model
    ) throws -> (model: Model, store: ParameterStore) {
        try load(ParameterStore(.checkpoint(checkpoint), on: device), checkpoint, ignoring, build)
    }

    /// A network that has some values of a checkpoint, and for the rest the very parameters of another store: an adapted
    /// model beside the one that it adapts.
    public static func load<Model>(
        _ checkpoint: Checkpoint, sharing other: ParameterStore,
        _ build: (ParameterScope) throws -> Model
    ) throws -> (model: Model, store: ParameterStore) {
        try load(
            ParameterStore(.sharing(other, checkpoint), on: other.device), checkpoint,
            { _ in false }, build)
    }

    /// Refuses what `load` would refuse for its names and shapes. No tensor is read.
    public static func check<Model>(
        _ checkpoint: Checkpoint, ignoring: (String) -> Bool = { _ in false },
        _ build: (ParameterScope) throws -> Model
    ) throws {
        _ = try load(ParameterStore(.shapes(checkpoint), on: .cpu), checkpoint, ignoring, build)
    }

    private static func load<Model>(
        _ store: ParameterStore, _ checkpoint: Checkpoint, _ ignoring: (String) -> Bool,
        _ build: (ParameterScope) throws -> Model
    ) throws -> (model: Model, store: ParameterStore) {
        let model = try build(store.scope)
        let extra = checkpoint.names.filter { store[$0] == nil && !ignoring($0) }
        let problems = store.problems + extra.map { .extra($0) }
        guard problems.isEmpty else {
            throw CheckpointError(origin: checkpoint.origin, problems: problems)
        }
        return (model, store)
    }

    /// Takes the values of a checkpoint into this store. Changes nothing if they do not fit.
    public func restore(_ checkpoint: Checkpoint, ignoring: (String) -> Bool = { _ in false })
        throws(CheckpointError)
    {
        var problems: [ParameterProblem] = []
        var values: [(Parameter, Weight)] = []
        for parameter in all {
            do throws(ParameterProblem) {
                let value = try checkpoint.weight(
                    parameter.name, parameter.shape, parameter.role, on: device)
                values.append((parameter, value))
            } catch { problems.append(error) }
        }
        problems += checkpoint.names.filter { self[$0] == nil && !ignoring($0) }.map { .extra($0) }
        guard problems.isEmpty else {
            throw CheckpointError(origin: checkpoint.origin, problems: problems)
        }
        for (parameter, value) in values { parameter.assign(value) }
    }

    /// The values as a file has them: names in order, PyTorch's layouts; quantised ones in their parts.
    public func fileTensors() -> [(name: String, tensor: Tensor)] {
        all.flatMap { parameter in
            switch parameter.weight(as: .f32) {
            case .dense(let x):
                [(parameter.name, parameter.role.toFile(x.detached).contiguous())]
            case .quantized(let q):
                q.storedParts.enumerated().map { ("\(parameter.name)/\(q.format)/\($0)", $1) }
            }
        }
    }

    /// Writes the parameters and buffers as safetensors, whole or not at all.
    public func save(to path: String, metadata: [String: String] = [:]) throws(FileError) {
        try writeSafetensors(fileTensors(), metadata: metadata, to: path)
    }
}

extension ParameterRole {
    /// A value as files lay it out.
    package func toFile(_ x: Tensor) -> Tensor {
        switch self {
        case .convolution, .transposedConvolution:
            x.permuted([0, x.rank - 1] + Array(1..<x.rank - 1))
        case .inputMajorMatrix: x.transposed()
        case .flattenedMatrix(let channels):
            x.reshaped([x.shape[0], -1, channels]).transposed().reshaped(x.shape)
        default: x
        }
    }

    /// The reverse of `toFile`.
    package func fromFile(_ x: Tensor) -> Tensor {
        switch self {
        case .convolution, .transposedConvolution: x.permuted([0] + Array(2..<x.rank) + [1])
        case .inputMajorMatrix: x.transposed()
        case .flattenedMatrix(let channels):
            x.reshaped([x.shape[0], channels, -1]).transposed().reshaped(x.shape)
        default: x
        }
    }

    func fileShape(_ shape: [Int]) -> [Int] {
        switch self {
        case .convolution, .transposedConvolution:
            [shape[0], shape[shape.count - 1]] + shape[1..<shape.count - 1]
        case .inputMajorMatrix: shape.reversed()
        default: shape
        }
    }
}
