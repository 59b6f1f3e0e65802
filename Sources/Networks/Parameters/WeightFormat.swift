public import Tensors

/// In how few bits a weight is stored for sampling.
public enum WeightFormat: Sendable, Hashable {
    /// 8 bits with a scale a row; activations are rounded to 8 bits too.
    case int8
    /// 4 bits with a scale and a zero point for each group along a row.
    case int4(group: Int)
    /// A format of GGUF files: q8_0, q4_0, q4_K, ….
    case blocks(BlockFormat)
}

extension WeightFormat: CustomStringConvertible {
    public var description: String {
        switch self {
        case .int8: "int8"
        case .int4(let group): "int4:\(group)"
        case .blocks(let format): "\(format)"
        }
    }

    /// The format with this name: "int8", "int4" (groups of 32), "int4:64", "q4" (q4_0), "q4_K", ….
    public init?(_ name: String) {
        switch name {
        case "int8": self = .int8
        case "int4": self = .int4(group: 32)
        case "q4": self = .blocks(.q4_0)
        case "q8": self = .blocks(.q8_0)
        case _ where name.hasPrefix("int4:"):
            guard let group = Int(name.dropFirst(5)), group > 0, group % 2 == 0 else { return nil }
            self = .int4(group: group)
        default:
            let formats = BlockFormat.allCases + [.f32, .f16, .bf16]
            guard let format = formats.first(where: { "\($0)" == name }) else { return nil }
            self = .blocks(format)
        }
    }

    /// Whether rows of this many columns can be stored so.
    public func fits(_ columns: Int) -> Bool {
        switch self {
        case .int8: true
        case .int4(let group): columns % group == 0
        case .blocks(let format): columns % format.blockValues == 0
        }
    }

    /// A matrix (rows, columns) in this format.
    func quantized(_ matrix: Tensor) -> QuantizedTensor {
        switch self {
        case .int8: QuantizedTensor(int8Rows: matrix)
        case .int4(let group): QuantizedTensor(int4: matrix, group: group, zeroPoint: true)
        case .blocks(let format): QuantizedTensor(matrix, as: format)
        }
    }
}

extension ParameterStore {
    /// Stores weights in few bits from now on: maps, convolutions and tables. The rest, and what is too small to matter,
    /// stays as it is; convolutions and rows that the format does not fit become int8. For use only, not for training.
    ///
    /// - Parameters:
    ///   - least: weights with fewer elements are left alone.
    ///   - isWanted: which parameters may be quantised.
    /// - Returns: how many bytes the store takes now as a share of those before.
    @discardableResult
    public func quantize(
        _ format: WeightFormat, least: Int = 1024,
        where isWanted: (Parameter) -> Bool = { _ in true }
    ) -> Double {
        let before = byteCount
        for parameter in parameters
        where parameter.count >= least && isWanted(parameter) && !parameter.isQuantized {
            guard let columns = parameter.quantizedColumns else { continue }
            let isWindow = parameter.role == .convolution && parameter.shape[1...2] != [1, 1]
            let own = isWindow || !format.fits(columns) ? .int8 : format
            parameter.quantize { own.quantized($0.cast(to: .f32).reshaped([-1, columns])) }
        }
        return Double(byteCount) / Double(max(1, before))
    }
}

extension Parameter {
    /// The length of a row, if the parameter is of a kind that layers take quantised.
    var quantizedColumns: Int? {
        switch role {
        case .matrix, .inputMajorMatrix, .flattenedMatrix, .table: shape.count == 2 ? shape[1] : nil
        case .convolution: shape.count == 4 ? shape.dropFirst().reduce(1, *) : nil
        case .vector, .adapter, .buffer, .transposedConvolution: nil
        }
    }
}
