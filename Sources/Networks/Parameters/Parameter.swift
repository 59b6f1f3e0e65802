import Synchronization
public import Tensors

/// What a parameter's values are stored as: full numbers, or few bits for sampling.
public enum Weight: Sendable {
    case dense(Tensor)
    case quantized(QuantizedTensor)
}

/// One named tensor of a network that training changes, or a buffer such as a running mean.
///
/// A reference, so that a layer, the store and an optimiser share it. Reading gives the present value, a leaf of the
/// autograd graph if the parameter is trainable; an update replaces it, and older graphs keep the old one.
///
///     let w = scope.parameter("weight", [64, 32], .normal(deviation: 0.02))
///     let y = x.linear(w.value(as: x.dtype))
public final class Parameter: Sendable {
    /// As a checkpoint calls it: "h.0.attn.qkv.weight".
    public let name: String
    public let role: ParameterRole
    public let shape: [Int]

    private struct State {
        /// f32; nil only while an update has it, and of a quantised parameter.
        var tensor: Tensor?
        var quantized: QuantizedTensor?
        var isTrainable: Bool
        /// Casts of the present value, each made once.
        var casts: [DType: Tensor] = [:]
        /// Whether a cast was asked for since the last update.
        var usesCasts = false
    }

    private let state: Mutex<State>

    public convenience init(_ name: String, _ tensor: Tensor, role: ParameterRole = .vector) {
        self.init(name, .dense(tensor), shape: tensor.shape, role: role)
    }

    init(_ name: String, _ weight: Weight, shape: [Int], role: ParameterRole) {
        (self.name, self.shape, self.role) = (name, shape, role)
        let isTrainable = role != .buffer
        switch weight {
        case .dense(let tensor):
            let tensor = isTrainable ? tensor.tracked : tensor.detached
            state = Mutex(State(tensor: tensor, isTrainable: isTrainable))
        case .quantized(let quantized):
            state = Mutex(State(quantized: quantized, isTrainable: false))
        }
    }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }
}

/// What a parameter is, which says how files lay it out and who may quantise or decay it.
public enum ParameterRole: Sendable, Hashable {
    /// A bias, a norm's scale, anything that is never quantised.
    case vector
    /// The weight (out, in) of a linear map.
    case matrix
    /// As `matrix`, but its inputs are a flattened picture (h, w, c), which files order (c, h, w).
    case flattenedMatrix(channels: Int)
    /// As `matrix`, but files have it as (in, out).
    case inputMajorMatrix
    /// Rows by id (V, C).
    case table
    /// A convolution's weight (O, KH, KW, I), which files order (O, I, KH, KW).
    case convolution
    /// That of a transposed one, (I, KH, KW, O), which files order (I, O, KH, KW).
    case transposedConvolution
    /// A matrix of a low-rank addition.
    case adapter
    /// Not trained: running statistics and the like.
    case buffer
}

// MARK: reading

extension Parameter {
    /// The present value, f32; tracked while the parameter is trainable. Quantised ones are unpacked.
    public var value: Tensor {
        state.withLock { state in
            if let tensor = state.tensor { return tensor }
            return state.quantized?.dequantized().reshaped(shape) ?? Tensor.zeros(shape)
        }
    }

    /// The value in another float type. The cast is done once until the next update, and its gradient arrives in f32.
    public func value(as dtype: DType) -> Tensor {
        let (master, cast) = state.withLock { state -> (Tensor?, Tensor?) in
            guard let tensor = state.tensor else { return (nil, nil) }
            if tensor.dtype == dtype { return (tensor, tensor) }
            state.usesCasts = true
            if let cast = state.casts[dtype] { return (tensor, cast) }
            let cast = tensor.detached.cast(to: dtype)
            state.casts[dtype] = cast
            return (tensor, cast)
        }
        guard let master, let cast else { return value.cast(to: dtype) }
        if cast.dtype == master.dtype { return cast }
        return cast.recorded(asCastOf: master)
    }

    /// Dense or quantised, in the given float type.
    public func weight(as dtype: DType) -> Weight {
        if let quantized = state.withLock({ $0.quantized }) { return .quantized(quantized) }
        return .dense(value(as: dtype))
    }

    public var isQuantized: Bool { state.withLock { $0.quantized != nil } }

    public var device: Device {
        state.withLock { $0.tensor?.device ?? $0.quantized?.device ?? .default }
    }

    /// What its numbers are stored as: "f32", "q4_K", ….
    public var storedFormat: String {
        state.withLock { state in
            state.quantized.map { "\($0.format)" } ?? "\(state.tensor?.dtype ?? .f32)"
        }
    }

    /// The bytes it takes, casts left out.
    public var byteCount: Int {
        state.withLock { $0.quantized?.byteCount ?? count * ($0.tensor?.dtype.size ?? 4) }
    }
}

// MARK: changing

extension Parameter {
    /// Whether gradients flow to it. A frozen parameter costs no backward work.
    public var isTrainable: Bool {
        get { state.withLock { $0.isTrainable } }
        set {
            state.withLock { state in
                guard state.isTrainable != newValue, role != .buffer else { return }
                state.isTrainable = newValue
                state.tensor = state.tensor.map { newValue ? $0.tracked : $0.detached }
            }
        }
    }

    /// Changes the value in place, if nothing else holds it; the body gets it without history.
    public func update<R>(_ body: (inout Tensor) throws -> R) rethrows -> R {
        try state.withLock { state in
            guard var tensor = state.tensor?.detached else {
                mistake("\(name): a quantised parameter cannot be updated")
            }
            state.tensor = nil
            state.casts = [:]
            defer { state.tensor = state.isTrainable ? tensor.tracked : tensor.detached }
            let result = try body(&tensor)
            require(
                tensor.shape == shape, "\(name): an update from \(shape) to \(tensor.shape)")
            return result
        }
    }

    /// As `update`, for a body that may leave its work to `steps`. These then write the bf16 copy too, if it was used.
    func update(_ steps: inout PendingSteps, _ body: (inout Tensor, inout PendingSteps) -> Void) {
        let copies = state.withLock { $0.usesCasts && $0.casts[.bf16] != nil }
        let before = steps.count
        update { body(&$0, &steps) }
        let copy = copies && steps.count > before ? steps.narrowCopyOfLast() : nil
        state.withLock { state in
            state.usesCasts = false
            state.casts[.bf16] = copy
        }
    }

    /// Another value, dense or in few bits.
    func assign(_ weight: Weight) {
        switch weight {
        case .dense(let tensor): assign(tensor)
        case .quantized(let quantized):
            state.withLock { $0 = State(quantized: quantized, isTrainable: false) }
        }
    }

    /// Another value of the same shape.
    public func assign(_ tensor: Tensor) {
        require(
            tensor.shape == shape, "\(name): a value of shape \(tensor.shape) for \(shape)")
        state.withLock { state in
            state.quantized = nil
            state.casts = [:]
            state.tensor = state.isTrainable ? tensor.tracked : tensor.detached
        }
    }

    /// From now on this parameter is stored in few bits, as a matrix; it is then no longer trainable.
    public func quantize(_ body: (Tensor) -> QuantizedTensor) {
        guard !isQuantized else { return }
        let quantized = body(value.detached)
        require(
            quantized.rows * quantized.columns == count,
            "\(name): \(shape) quantised to (\(quantized.rows), \(quantized.columns))")
        assign(.quantized(quantized))
    }
}
