public import Tensors

/// What a diffusion model was trained on: the schedule of noise, and what the model predicts; with how its guesses at the
/// data are limited when one samples.
public struct DiffusionProcess: Sendable, Equatable {
    public var schedule: NoiseSchedule
    public var prediction: Prediction
    public var clipping: Clipping

    public init(
        _ schedule: NoiseSchedule, prediction: Prediction = .noise, clipping: Clipping = .none
    ) {
        self.schedule = schedule
        self.prediction = prediction
        self.clipping = clipping
    }

    /// The guess at the data from the model's output y at x.
    func data(_ y: Tensor, _ x: Tensor, at level: NoiseLevel) -> Tensor {
        clipping(prediction.data(at: level)(x, y))
    }
}

/// √a_t and √(1 - a_t) of all timesteps on a device: what a training step needs to noise a batch.
///
///     let table = NoiseTable(schedule, on: device)
///     let x = table.noised(x0, noise, at: t)                     // t (N) i32
///     let target = table.target(.velocity, x0, noise, at: t)
public struct NoiseTable: Sendable {
    /// (n), √a_t
    public let signal: Tensor
    /// (n), √(1 - a_t)
    public let noise: Tensor

    public init(_ schedule: NoiseSchedule, on device: Device = .default) {
        let levels = schedule.alphaBars.map { NoiseLevel(alphaBar: $0) }
        signal = Tensor(levels.map { Float($0.signal) }, on: device)
        noise = Tensor(levels.map { Float($0.noise) }, on: device)
    }

    /// x_t = √a_t x₀ + √(1 - a_t) ε of each sample, (N, …) like both.
    public func noised(_ x0: Tensor, _ epsilon: Tensor, at t: Tensor) -> Tensor {
        each(signal, t, x0) * x0 + each(noise, t, x0) * epsilon
    }

    /// v_t = √a_t ε - √(1 - a_t) x₀.
    public func velocity(_ x0: Tensor, _ epsilon: Tensor, at t: Tensor) -> Tensor {
        each(signal, t, x0) * epsilon - each(noise, t, x0) * x0
    }

    /// What the model is trained to say.
    public func target(_ prediction: Prediction, _ x0: Tensor, _ epsilon: Tensor, at t: Tensor)
        -> Tensor
    {
        switch prediction {
        case .noise: epsilon
        case .data: x0
        case .velocity: velocity(x0, epsilon, at: t)
        case .flow: epsilon - x0
        }
    }

    /// The table's values at t (N), shaped (N, 1, …) to broadcast over x (N, …).
    private func each(_ table: Tensor, _ t: Tensor, _ x: Tensor) -> Tensor {
        table.selecting(t).reshaped([t.count] + [Int](repeating: 1, count: x.rank - 1))
    }
}

/// signal · x₀ + noise · ε with a level for each sample, (N, …).
public func noised(_ x0: Tensor, _ epsilon: Tensor, at levels: [NoiseLevel]) -> Tensor {
    let each = [levels.count] + [Int](repeating: 1, count: x0.rank - 1)
    let signal = Tensor(levels.map { Float($0.signal) }, shape: each, on: x0.device)
    let noise = Tensor(levels.map { Float($0.noise) }, shape: each, on: x0.device)
    return signal * x0 + noise * epsilon
}
