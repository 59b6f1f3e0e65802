package import Tensors

/// How a case keeps its weights, where not as plain numbers of its type.
package enum WeightFormat: Sendable, Equatable {
    /// A GGUF block format.
    case blocks(BlockFormat)
    /// Int8 with a scale a row; the activations are quantised too.
    case int8

    /// Every format, by the name it has in cases files and on the command line.
    package static let names: [String] = ["int8"] + BlockFormat.allCases.map { "\($0)" }

    /// By name, in upper or lower case: "q4_K", "Q8_0", "int8".
    package init?(_ name: String) {
        let wanted = name.lowercased()
        if wanted == "int8" {
            self = .int8
        } else if let format = BlockFormat.allCases.first(where: { "\($0)".lowercased() == wanted })
        {
            self = .blocks(format)
        } else {
            return nil
        }
    }

    package var name: String {
        switch self {
        case .blocks(let format): "\(format)"
        case .int8: "int8"
        }
    }

    /// Values that share a scale, which a row must be a multiple of.
    package var blockValues: Int {
        switch self {
        case .blocks(let format): format.blockValues
        case .int8: 1
        }
    }

    /// Bytes of a matrix (rows, columns).
    func bytes(rows: Double, columns: Double) -> Double {
        switch self {
        case .blocks(let format):
            rows * columns / Double(format.blockValues) * Double(format.blockBytes)
        case .int8: rows * columns + 4 * rows
        }
    }
}
