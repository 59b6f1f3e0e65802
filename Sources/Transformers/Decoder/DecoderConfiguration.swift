import Files
public import Tensors

/// The sizes and habits of a decoder: what tells the families of language models apart.
///
/// Legend: V vocabulary, C channels, H heads, K key heads, D head size, F channels inside the MLP.
public struct DecoderConfiguration: Sendable {
    public var vocabulary: Int
    /// The most positions that it was trained for.
    public var context: Int
    public var channels: Int
    public var layers: Int
    public var heads: Int
    public var keyHeads: Int
    public var headSize: Int
    public var hidden: Int

    public var norm = Norm.rms(unitOffset: false)
    public var epsilon: Float = 1e-5
    /// Norms also behind attention and MLP, before their results join the residual stream.
    public var normsResults = false
    /// Attention and MLP read the same residual stream, and both are added to it.
    public var isParallel = false

    public var positions = Positions.rotary
    /// The rope of most layers.
    public var rotary: RotaryPositions?
    /// The rope of layers with a window, where it differs.
    public var windowedRotary: RotaryPositions?
    /// By layer, how many keys back are visible; nil: all.
    public var windows: [Int?] = []

    public var queryKeyValue = QueryKeyValue.separate
    /// RMS norms of each head's queries and keys.
    public var normsHeads = false
    /// Of scores; 1 / sqrt(D) unless given.
    public var attentionScale: Float?
    /// Layer i divides its scores by i + 1 as well.
    public var attentionFadesWithDepth = false
    public var attentionSoftcap: Float?

    public var activation = Activation.silu
    /// down(activation(gate(x)) · up(x)) instead of down(activation(up(x))).
    public var isGated = true
    /// One map for gate and up.
    public var joinsGate = false
    public var experts: Experts?

    public var embeddingScale: Float?
    public var logitSoftcap: Float?
    /// Logits from the embedding's table.
    public var isTied = false

    public var biases = Biases()
    /// Files have maps' weights as (in, out).
    public var isInputMajor = false
    var names = DecoderNames()

    public enum Norm: Sendable, Hashable {
        /// Scaled by 1 + weight with a unit offset.
        case rms(unitOffset: Bool)
        case layer
    }

    public enum Positions: Sendable {
        /// Rows of a table, added to the embedding.
        case learned
        case rotary
    }

    /// How queries, keys and values are computed.
    public enum QueryKeyValue: Sendable {
        case separate
        /// One map; its rows are all queries, all keys, all values.
        case joined
        /// One map; its rows are query, key and value of each head in turn.
        case interleaved
    }

    public struct Experts: Sendable, Hashable {
        public var count: Int
        /// How many serve a token.
        public var active: Int
    }

    public struct Biases: Sendable, Hashable {
        public var queryKeyValue = false
        public var attentionOutput = false
        public var mlp = false
        public var head = false
    }
}

extension DecoderConfiguration {
    /// The window of a layer.
    public func window(_ layer: Int) -> Int? { layer < windows.count ? windows[layer] : nil }

    /// The rope of a layer.
    public func rotary(_ layer: Int) -> RotaryPositions? {
        window(layer) != nil ? windowedRotary ?? rotary : rotary
    }

    /// Refuses what no model can be built from.
    func checked(_ path: String) throws(FileError) -> DecoderConfiguration {
        func check(_ isRight: Bool, _ problem: String) throws(FileError) {
            if !isRight { throw FileError(path, problem) }
        }
        try check(
            keyHeads <= heads && heads % keyHeads == 0,
            "\(heads) heads do not fit \(keyHeads) key heads")
        try check(
            queryKeyValue != .interleaved || heads == keyHeads,
            "\(heads) interleaved heads with \(keyHeads) key heads")
        if case .rotary = positions {
            for rope in [rotary, windowedRotary].compactMap({ $0 }) {
                try check(
                    rope.dims > 0 && rope.dims % 2 == 0 && rope.dims <= headSize,
                    "\(rope.dims) rotating channels in heads of \(headSize)")
            }
        }
        if let experts {
            try check(
                experts.active <= experts.count,
                "\(experts.active) active experts of \(experts.count)")
        }
        var checked = self
        // Descriptions name the trained length, which the stretching goes beyond.
        if case .yarn(let yarn) = rotary?.scaling {
            let reach = Double(yarn.trained) * yarn.factor
            checked.context = max(context, Int(min(reach, Double(1 << 30))))
        }
        return checked
    }
}
