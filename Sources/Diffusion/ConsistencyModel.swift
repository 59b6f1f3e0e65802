import Glibc
public import Networks
public import Tensors

/// Vectors (N, D) at noise σ (N) to clean ones in a single step (Song et al. 2023), or by a denoiser of the same shape.
///
/// The network's output is mixed with its input so that nothing happens at the least noise.
public struct ConsistencyModel: Sendable {
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 2
        public var hidden = 64
        public var sigmaMin: Float = 0.002
        public var sigmaMax: Float = 80
        /// The deviation of the data.
        public var sigmaData: Float = 0.5
        /// Levels of noise, and how they crowd towards the least one.
        public var levels = 18

        public init(dimensions: Int = 2, hidden: Int = 64) {
            (self.dimensions, self.hidden) = (dimensions, hidden)
        }

        /// σ_i = (σmin^(1/7) + i / (n - 1) (σmax^(1/7) - σmin^(1/7)))^7, rising.
        public var sigmas: [Float] {
            let (low, high) = (pow(Double(sigmaMin), 1 / 7), pow(Double(sigmaMax), 1 / 7))
            return (0..<levels).map {
                Float(pow(low + Double($0) / Double(max(1, levels - 1)) * (high - low), 7))
            }
        }
    }

    public let configuration: Configuration
    let network: MLP

    public init(_ scope: ParameterScope, _ c: Configuration) {
        configuration = c
        network = MLP(
            scope, [c.dimensions + 1, c.hidden, c.hidden, c.dimensions], activation: .silu)
    }

    /// Clean vectors in one step: x itself where σ is the least.
    public func callAsFunction(_ x: Tensor, sigma: Tensor) -> Tensor {
        mixed(x, sigma, above: configuration.sigmaMin)
    }

    /// The mean of the clean vectors that x could have come from: what a teacher knows.
    public func denoised(_ x: Tensor, sigma: Tensor) -> Tensor { mixed(x, sigma, above: 0) }

    private func mixed(_ x: Tensor, _ sigma: Tensor, above least: Float) -> Tensor {
        let data = configuration.sigmaData
        let s = sigma.expandingAxis(1)  // (N, 1)
        let distance = s - least
        let total = sqrt(s.squared() + data * data)
        let inner = network(Tensor.concatenated([x / total, log(s) * 0.25], axis: 1))
        let keep = data * data / (distance.squared() + data * data)
        return keep * x + distance * data / total * inner
    }
}

/// Training a one-step model from a denoiser: neighbours on the teacher's path must come out the same.
public struct ConsistencyDistillation: Sendable {
    public let student: ConsistencyModel
    /// A slow average of the student.
    public let target: ConsistencyModel
    public let teacher: ConsistencyModel

    public init(student: ConsistencyModel, target: ConsistencyModel, teacher: ConsistencyModel) {
        (self.student, self.target, self.teacher) = (student, target, teacher)
    }

    /// The mean squared difference between the student at level n + 1 and the target at level n, one Heun step of the
    /// teacher below: x, noise (N, D), n (N) i32.
    public func loss(_ x: Tensor, noise: Tensor, level n: Tensor) -> Tensor {
        let sigmas = Tensor(student.configuration.sigmas, on: x.device)
        let (low, high) = (sigmas.selecting(n), sigmas.selecting(n + Tensor(one: n)))
        let start = x + noise * high.expandingAxis(1)
        let goal = noGrad {
            let end = heunStep(start, from: high, to: low)
            return target(end, sigma: low)
        }
        return student(start, sigma: high).mseLoss(goal)
    }

    private func heunStep(_ x: Tensor, from high: Tensor, to low: Tensor) -> Tensor {
        let (h, l) = (high.expandingAxis(1), low.expandingAxis(1))
        let slope = (x - teacher.denoised(x, sigma: high)) / h
        let end = x + (l - h) * slope
        let slope2 = (end - teacher.denoised(end, sigma: low)) / l
        return x + (l - h) * (slope + slope2) * 0.5
    }
}

extension Tensor {
    /// 1 in the type and on the device of another tensor.
    fileprivate init(one like: Tensor) {
        self = .full([], 1, dtype: like.dtype, on: like.device)
    }
}
