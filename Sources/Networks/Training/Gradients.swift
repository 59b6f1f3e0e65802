public import Tensors

/// The gradient of each of some parameters, in their order.
public struct Gradients: Sendable {
    public private(set) var entries: [(parameter: Parameter, gradient: Tensor)]

    public init(_ entries: [(parameter: Parameter, gradient: Tensor)]) { self.entries = entries }

    public subscript(_ name: String) -> Tensor? {
        entries.first { $0.parameter.name == name }?.gradient
    }

    /// Every gradient changed; the closure may do so in place.
    public mutating func update(_ body: (inout Tensor) -> Void) {
        for i in entries.indices { body(&entries[i].gradient) }
    }
}

/// A value of a network and its gradients at some parameters; zeros where it does not depend on one.
///
///     let (loss, gradients) = valueAndGradients(at: store.trainable) {
///         model(x, context).mseLoss(target)
///     }
///
/// - Parameter scale: gradients are those of scale · value, and are divided by it afterwards, for f16.
public func valueAndGradients(
    at parameters: [Parameter], scale: Float = 1, _ function: () throws -> Tensor
) rethrows -> (value: Tensor, gradients: Gradients) {
    var value = try recording(function)
    require(
        value.count == 1, "valueAndGradients: the value has shape \(value.shape), not one number")
    let seed = Tensor.full(value.shape, scale, dtype: value.dtype, on: value.device)
    let found = value.takeGradients(at: parameters.map(\.value), seed: seed)
    let unscaled = scale == 1 ? found : found.map { $0 * (1 / scale) }
    let entries = zip(parameters, unscaled).map { (parameter: $0, gradient: $1) }
    return (value, Gradients(entries))
}

extension ParameterStore {
    /// A value and its gradients at every trainable parameter of this store.
    public func valueAndGradients(scale: Float = 1, _ function: () throws -> Tensor) rethrows -> (
        value: Tensor, gradients: Gradients
    ) {
        try Networks.valueAndGradients(at: trainable, scale: scale, function)
    }
}
