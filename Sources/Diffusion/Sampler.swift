public import Tensors

/// A way from noise to data in several evaluations of a model.
///
///     let schedule = try NoiseSchedule(.cosine)
///     var sampler = try DDIM(DiffusionProcess(schedule, prediction: .velocity), steps: 50)
///     let x = sampler.sample([16, 28, 28, 1], key: &key) { x, t in unet(x, t) }
///
/// Coefficients are computed in double and everything else by tensor ops on the device of x. A sampler is a value that
/// keeps what it must remember between steps: a copy made before the first step samples again.
public protocol Sampler: Sendable {
    /// What the model is told at each evaluation, in order.
    var timesteps: [Double] { get }

    /// The noise levels σ of the evaluations, and one after the last; empty where steps go by a_t alone.
    var sigmas: [Double] { get }

    /// The standard deviation of the noise that sampling starts from.
    var initialDeviation: Double { get }

    /// What x is made of before evaluation i.
    func level(at i: Int) -> NoiseLevel

    /// What the model sees of x at evaluation i.
    func modelInput(_ x: Tensor, at i: Int) -> Tensor

    /// The next x from the model's output y for evaluation i. Evaluations come in order, from any first one.
    ///
    /// - Parameter noise: draws standard normal numbers in the shape of x; called only where the step needs them.
    mutating func step(_ y: Tensor, at i: Int, from x: Tensor, noise: () -> Tensor) -> Tensor
}

extension Sampler {
    public var sigmas: [Double] { [] }
    public var initialDeviation: Double { 1 }
    public func modelInput(_ x: Tensor, at i: Int) -> Tensor { x }

    /// Samples from noise alone.
    ///
    /// - Parameter model: its output from the input (N, …) and the timestep.
    public mutating func sample(
        _ shape: [Int], key: inout RandomKey, on device: Device = .default,
        model: (Tensor, Double) throws -> Tensor
    ) rethrows -> Tensor {
        let start = key.normal(shape, deviation: Float(initialDeviation), on: device)
        return try sample(from: start, key: &key, model: model)
    }

    /// Walks through the evaluations from `first` on, beginning with x as it is there.
    public mutating func sample(
        from x: Tensor, first: Int = 0, key: inout RandomKey,
        model: (Tensor, Double) throws -> Tensor
    ) rethrows -> Tensor {
        var x = x
        for i in timesteps.indices.dropFirst(first) {
            let y = try model(modelInput(x, at: i), timesteps[i])
            x = step(y, at: i, from: x) { key.normal(x.shape, on: x.device) }
        }
        return x
    }

    /// Data noised to where evaluation i begins: the start of a sampling that is to keep something of it.
    public func noised(_ x0: Tensor, _ epsilon: Tensor, at i: Int) -> Tensor {
        mix((level(at: i).signal, x0), (level(at: i).noise, epsilon))
    }
}
