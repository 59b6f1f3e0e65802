public import Networks
public import Tensors

/// A network from pictures or vectors in 0 ... 1 to a Gaussian of codes, and from codes to logits of them.
public protocol GaussianAutoencoder: Sendable {
    /// Numbers of a code.
    var latent: Int { get }
    /// The weight of the code's divergence from the normal distribution.
    var beta: Float { get }
    func encode(_ x: Tensor, _ context: Context) -> GaussianCode
    func decode(_ z: Tensor, _ context: Context) -> Tensor
}

extension GaussianAutoencoder {
    /// What a training step minimises, from noise (N, latent) of the normal distribution.
    public func loss(_ x: Tensor, noise: Tensor, _ context: Context = .evaluation) -> EvidenceBound
    {
        let code = encode(x, context)
        let logits = decode(code.sample(noise), context)
        return EvidenceBound(
            reconstruction: logits.bceWithLogitsLoss(x, reduction: .batchMean),
            divergence: code.divergence, beta: beta)
    }
}

/// A variational autoencoder of vectors in 0 ... 1 (Kingma & Welling 2014): a Gaussian code, and logits of each input.
public struct VAE: GaussianAutoencoder {
    public struct Configuration: Sendable, Hashable, Codable {
        public var input = 784
        /// Widths between the input and the code; the decoder goes back along them.
        public var hidden = [512, 256]
        public var latent = 32
        /// The weight of the code's divergence from the normal distribution.
        public var beta: Float = 1

        public init(
            input: Int = 784, hidden: [Int] = [512, 256], latent: Int = 32, beta: Float = 1
        ) {
            (self.input, self.hidden, self.latent, self.beta) = (input, hidden, latent, beta)
        }
    }

    public let configuration: Configuration
    public var latent: Int { configuration.latent }
    public var beta: Float { configuration.beta }
    let encoder: [Linear]
    let mu: Linear
    let logVariance: Linear
    let decoder: MLP

    public init(_ scope: ParameterScope, _ c: Configuration) {
        configuration = c
        let widths = [c.input] + c.hidden
        // One map alone is "encoder", several are "encoder.0", "encoder.1", ….
        encoder = c.hidden.indices.map {
            let place = c.hidden.count == 1 ? scope["encoder"] : scope["encoder"][$0]
            return Linear(place, widths[$0], widths[$0 + 1])
        }
        let last = widths[widths.count - 1]
        mu = Linear(scope["mu"], last, c.latent)
        logVariance = Linear(scope["logvar"], last, c.latent)
        decoder = MLP(scope["decoder"], [c.latent] + c.hidden.reversed() + [c.input])
    }

    /// The code's distribution: mean and log variance (N, latent), f32.
    public func encode(_ x: Tensor, _ context: Context = .evaluation) -> GaussianCode {
        let h = encoder.reduce(context.cast(x)) { $1($0, activation: .relu) }
        return GaussianCode(
            mean: mu(h).cast(to: .f32), logVariance: logVariance(h).cast(to: .f32))
    }

    /// Codes (N, latent) to logits (N, input).
    public func decode(_ z: Tensor, _ context: Context = .evaluation) -> Tensor {
        decoder(context.cast(z))
    }
}

/// A Gaussian for each sample, its axes independent.
public struct GaussianCode: Sendable {
    public let mean: Tensor
    public let logVariance: Tensor

    /// mean + deviation · noise, through which gradients flow.
    public func sample(_ noise: Tensor) -> Tensor { mean + exp(logVariance * 0.5) * noise }

    /// KL to the normal distribution: the sum over a sample's axes, the mean over samples.
    public var divergence: Tensor { mean.gaussianKL(logVariance: logVariance) }
}

/// The negative evidence lower bound in nats a sample, and its parts: ().
public struct EvidenceBound: Sendable {
    public let reconstruction: Tensor
    public let divergence: Tensor
    public let beta: Float

    public var total: Tensor { reconstruction + divergence * beta }
}
