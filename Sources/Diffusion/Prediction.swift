import Tensors

/// What the model says of x = signal · data + noise · ε.
public enum Prediction: Sendable, Equatable {
    /// ε
    case noise
    /// x₀
    case data
    /// v = signal · ε - noise · x₀
    case velocity
    /// ε - x₀, the direction of the straight path from data to noise.
    case flow
}

/// a x + b y: the data, noise or slope that a model's output y at x stands for.
struct Mix: Sendable {
    let x: Double
    let y: Double

    func callAsFunction(_ xs: Tensor, _ ys: Tensor) -> Tensor { mix((x, xs), (y, ys)) }
}

/// Σ c_i t_i, without the terms of coefficient 0.
func mix(_ terms: (Double, Tensor)...) -> Tensor { mix(terms) }

func mix(_ terms: [(Double, Tensor)]) -> Tensor {
    var sum: Tensor?
    for (c, t) in terms where c != 0 {
        let term = c == 1 ? t : t * Float(c)
        sum = sum.map { $0 + term } ?? term
    }
    return sum ?? terms[0].1 * 0
}

extension Prediction {
    /// x₀ from a model's output, where the variances of signal and noise sum to one (or, for flow, the levels do).
    func data(at level: NoiseLevel) -> Mix {
        let (alpha, sigma) = (level.signal, level.noise)
        return switch self {
        case .noise: Mix(x: 1 / alpha, y: -sigma / alpha)
        case .data: Mix(x: 0, y: 1)
        case .velocity: Mix(x: alpha, y: -sigma)
        case .flow: Mix(x: 1, y: -sigma)
        }
    }

    /// ε likewise.
    func noise(at level: NoiseLevel) -> Mix {
        let (alpha, sigma) = (level.signal, level.noise)
        return switch self {
        case .noise: Mix(x: 0, y: 1)
        case .data: Mix(x: 1 / sigma, y: -alpha / sigma)
        case .velocity: Mix(x: sigma, y: alpha)
        case .flow: Mix(x: 1, y: 1 - sigma)
        }
    }

    /// x₀ where x = x₀ + σ ε and the model saw x / √(σ² + 1).
    func data(atSigma sigma: Double) -> Mix {
        let square = sigma * sigma + 1
        return switch self {
        case .noise, .flow: Mix(x: 1, y: -sigma)
        case .data: Mix(x: 0, y: 1)
        case .velocity: Mix(x: 1 / square, y: -sigma / square.squareRoot())
        }
    }

    /// dx/dσ = (x - x₀) / σ there.
    func slope(atSigma sigma: Double) -> Mix {
        switch self {
        case .noise, .flow: return Mix(x: 0, y: 1)
        case .data: return Mix(x: 1 / sigma, y: -1 / sigma)
        case .velocity:
            let square = sigma * sigma + 1
            return Mix(x: sigma / square, y: 1 / square.squareRoot())
        }
    }
}
