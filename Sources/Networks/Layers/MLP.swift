public import Tensors

/// Linear maps along widths, "0", "1", …, with an activation between them and none after the last.
public struct MLP: Sendable {
    public let layers: [Linear]
    let activation: Activation

    public init(
        _ scope: ParameterScope, _ widths: [Int], activation: Activation = .relu,
        _ initializer: Initializer = .fanIn
    ) {
        require(widths.count > 1, "MLP: widths \(widths) make no map")
        layers = zip(widths, widths.dropFirst()).enumerated().map {
            Linear(scope[$0.offset], $0.element.0, $0.element.1, initializer)
        }
        self.activation = activation
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        layers.indices.reduce(x) { x, i in
            layers[i](x, activation: i == layers.count - 1 ? .none : activation)
        }
    }
}
