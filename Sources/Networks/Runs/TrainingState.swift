public import Files
public import Tensors

/// Everything that a run continues from: networks, optimisers, averages, and numbers as text.
///
///     func save(to state: inout TrainingState) {
///         state.add(store, "model")
///         state.add(optimiser, "optimiser")
///     }
public struct TrainingState: Sendable {
    /// For messages: the file's path.
    public let origin: String
    private var entries: [(name: String, tensor: Tensor)] = []
    private var index: [String: Int] = [:]
    public private(set) var text: [String: String] = [:]

    public init(origin: String = "the state") { self.origin = origin }

    // MARK: filling

    public mutating func add(_ name: String, _ tensor: Tensor) {
        require(index[name] == nil, "TrainingState: two tensors are called \(name)")
        index[name] = entries.count
        entries.append((name, tensor))
    }

    public mutating func add(_ name: String, _ value: String) { text[name] = value }

    /// A network's parameters and buffers, with files' layouts, under "NAME.".
    public mutating func add(_ store: ParameterStore, _ name: String) {
        for (key, tensor) in store.fileTensors() { add("\(name).\(key)", tensor) }
    }

    public mutating func add(_ optimiser: Optimiser, _ name: String) {
        for (key, tensor) in optimiser.tensors() { add("\(name):\(key)", tensor) }
    }

    public mutating func add(_ average: ExponentialAverage, _ name: String) {
        for (key, tensor) in average.tensors() { add("\(name):\(key)", tensor) }
    }

    // MARK: taking

    public subscript(_ name: String) -> Tensor? { index[name].map { entries[$0].tensor } }

    /// The tensors of one part by their own names, its prefix ("model.", "optimiser:") removed.
    public func part(_ prefix: String) -> [String: Tensor] {
        var found: [String: Tensor] = [:]
        for (name, tensor) in entries where name.hasPrefix(prefix) {
            found[String(name.dropFirst(prefix.count))] = tensor
        }
        return found
    }

    public func restore(_ store: ParameterStore, _ name: String) throws(CheckpointError) {
        // Its optimiser and averages may stand beside it; their tensors have a colon.
        let own = part("\(name).").filter { !$0.key.contains(":") }
        try store.restore(Checkpoint(fileTensors: own, origin: origin))
    }

    public func restore(_ optimiser: inout Optimiser, _ name: String) throws(CheckpointError) {
        try optimiser.restore(part("\(name):"), origin: origin)
    }

    public func restore(_ average: inout ExponentialAverage, _ name: String)
        throws(CheckpointError)
    {
        try average.restore(part("\(name):"), origin: origin)
    }

    /// The first tensor that holds a NaN or an infinity, networks before optimisers.
    public var firstNotFinite: String? {
        entries.first { $0.tensor.dtype.isFloat && !$0.tensor.isAllFinite }?.name
    }
}

// MARK: files

extension TrainingState {
    public init(reading path: String) throws(FileError) {
        let file = try SafetensorsFile(path: path)
        self.init(origin: path)
        text = file.metadata
        for entry in file.entries { add(entry.name, try file.tensor(entry.name, on: .cpu)) }
    }

    /// Writes it whole or not at all.
    public func write(to path: String) throws(FileError) {
        try writeSafetensors(entries, metadata: text, to: path)
    }
}

extension Tensor {
    /// Whether no element is NaN or infinite. Waits for the device.
    fileprivate var isAllFinite: Bool {
        guard count > 0 else { return true }
        return detached.cast(to: .f32).norm(.infinity).item().isFinite
    }
}
