public import Tensors

/// How the states of a text's tokens become one vector.
public enum Pooling: String, Sendable, CaseIterable {
    case mean, cls, last

    /// States (N, C) to (texts, C).
    public func callAsFunction(_ states: Tensor, of texts: PackedTexts) -> Tensor {
        switch self {
        case .mean: Pooling.mean(states, of: texts)
        case .cls, .last:
            states.selecting(
                PackedTexts.ids([texts.places(last: self == .last)], on: states.device))
        }
    }

    /// The mean over the tokens of each text.
    public static func mean(_ states: Tensor, of texts: PackedTexts) -> Tensor {
        texts.eachGroup([states]) { $0[0].mean(axes: [1], keepDims: true) }
    }
}

extension Tensor {
    /// Rows (…, C) of length 1; a row of zeros stays.
    public func normalizedRows() -> Tensor {
        self / norm(axes: [-1], keepDims: true).clamped(min: 1e-12)
    }
}
