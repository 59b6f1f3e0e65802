package import Tensors

/// What can be measured. The raw values are the names in cases files and on the command line.
package enum Operation: String, Sendable, CaseIterable {
    case matmul, conv2d
    case convTranspose2d = "conv_transpose2d"
    case attention, softmax
    case layerNorm = "layer_norm"
    case rmsNorm = "rms_norm"
    case gelu
    case siluMul = "silu_mul"
    case add
    case addRow = "add_row"
    case sumRows = "sum_rows"
    case transpose
    case crossEntropy = "cross_entropy"
    case embedding, adamw
    case groupNormSilu = "group_norm_silu"
    case rope
}

/// One size or switch of an operation.
package struct Parameter: Sendable {
    package let name: String
    /// Used where a case does not say; nil if it must.
    package let initial: Int?
    package let least: Int
    package let isSwitch: Bool

    fileprivate init(_ name: String, _ initial: Int? = nil, least: Int = 1) {
        (self.name, self.initial, self.least, isSwitch) = (name, initial, least, false)
    }

    private init(switch name: String) {
        (self.name, initial, least, isSwitch) = (name, 0, 0, true)
    }

    fileprivate static func flag(_ name: String) -> Parameter { Parameter(switch: name) }
}

extension Operation {
    /// The sizes of a case, in the order in which they are shown.
    package var parameters: [Parameter] {
        switch self {
        case .matmul:
            [
                Parameter("batch", 1), Parameter("m", 1024), Parameter("n", 1024),
                Parameter("k", 1024),
                .flag("transA"), .flag("transB"),
            ]
        case .conv2d:
            Operation.picture + [Parameter("groups", 1)]
        case .convTranspose2d: Operation.picture
        case .attention:
            [
                Parameter("b", 1), Parameter("h", 12), Parameter("hkv", 0, least: 0),
                Parameter("tq", 1024),
                Parameter("tk", 0, least: 0), Parameter("d", 64), .flag("causal"),
            ]
        case .embedding:
            [Parameter("rows", 4096), Parameter("cols", 1024), Parameter("vocab", 50257)]
        case .groupNormSilu:
            [
                Parameter("n", 1), Parameter("c", 320), Parameter("h", 64), Parameter("w", 64),
                Parameter("groups", 32),
            ]
        case .rope:
            [Parameter("b", 1), Parameter("h", 32), Parameter("t", 1024), Parameter("d", 128)]
        default: [Parameter("rows", 4096), Parameter("cols", 4096)]
        }
    }

    private static let picture = [
        Parameter("n", 1), Parameter("cin", 64), Parameter("h", 64), Parameter("w", 64),
        Parameter("cout", 64), Parameter("k", 3), Parameter("stride", 1),
        Parameter("pad", 0, least: 0),
    ]

    /// Whether gradients can be measured too.
    package var hasBackward: Bool {
        switch self {
        case .conv2d, .attention, .layerNorm, .crossEntropy: true
        default: false
        }
    }

    /// Whether it is only measured together with its gradient.
    package var isAlwaysBackward: Bool { self == .crossEntropy }

    package var dtypes: [DType] {
        self == .adamw ? [.f32] : [.f32, .bf16, .f16]
    }

    package var summary: String {
        switch self {
        case .matmul: "batches of matrix products, op(a) op(b)"
        case .conv2d: "2-D convolution, channels last"
        case .convTranspose2d: "2-D transposed convolution, channels last"
        case .attention: "scaled dot-product attention"
        case .softmax: "softmax along rows"
        case .layerNorm: "layer normalisation of rows, with weight and bias"
        case .rmsNorm: "root-mean-square normalisation of rows, with weight"
        case .gelu: "x Φ(x), exact"
        case .siluMul: "silu(x) y, one pass"
        case .add: "x + y"
        case .addRow: "x + a row, broadcast"
        case .sumRows: "the sum over axis 0"
        case .transpose: "a transposed view made contiguous"
        case .crossEntropy: "softmax cross-entropy and its gradient"
        case .embedding: "rows of a table by id"
        case .adamw: "the fused optimiser step, in place"
        case .groupNormSilu: "group normalisation and SiLU in one pass, channels last"
        case .rope: "rotary positions, from tables"
        }
    }
}
